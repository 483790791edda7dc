/** One window of a picture: a title, and lines with colours (SGR of ECMA-48). */
export interface Window {
  readonly title: string;
  readonly lines: readonly string[];
}

interface Run {
  readonly text: string;
  /** Class names, with blanks between them. */
  readonly look: string;
}

/** Pixels; a character is as wide as the common monospace fonts draw it at this size. */
const size = { font: 13, column: 7.83, line: 18, side: 16, bar: 30, gap: 14 } as const;

/**
 * Windows one below the other as SVG, without fonts of its own, light or dark as the reader has it. Each line says how wide
 * it is, so that columns stand one below the other in any font.
 */
export function pictureOf(windows: readonly Window[], columns: number): string {
  const width = Math.ceil(columns * size.column) + 2 * size.side;
  const drawn: string[] = [];
  let top = 0;
  for (const { title, lines } of windows) {
    const height = size.bar + lines.length * size.line + size.side;
    drawn.push(
      `<rect class="window" x="0.5" y="${top + 0.5}" width="${width - 1}" height="${height - 1}" rx="8"/>`,
      `<text class="title" x="${width / 2}" y="${top + 20}">${escaped(title)}</text>`,
      ...lines.flatMap((line, n) => drawnLine(line, top + size.bar + size.line * (n + 0.75))),
    );
    top += height + size.gap;
  }
  const height = top - size.gap;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(windows.map(({ title }) => title).join(', '))}">`,
    style,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

const style = `<style>
text{font:${size.font}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
.title{text-anchor:middle;fill:#59636e}
.window{fill:#f6f8fa;stroke:#d1d9e0}
.bold{font-weight:bold}.dim,.c90{fill:#59636e}
.c31,.c91{fill:#cf222e}.c32,.c92{fill:#1a7f37}.c33,.c93{fill:#9a6700}.c34,.c94{fill:#0969da}.c35,.c95{fill:#8250df}.c36,.c96{fill:#1b7c83}
@media(prefers-color-scheme:dark){
text{fill:#d1d7e0}.title,.dim,.c90{fill:#9198a1}.window{fill:#151b23;stroke:#3d444d}
.c31,.c91{fill:#ff7b72}.c32,.c92{fill:#3fb950}.c33,.c93{fill:#d29922}.c34,.c94{fill:#58a6ff}.c35,.c95{fill:#bc8cff}.c36,.c96{fill:#39c5cf}
}
</style>`;

function drawnLine(line: string, y: number): string[] {
  const runs = runsOf(line);
  const columns = runs.reduce((sum, { text }) => sum + text.length, 0);
  if (columns === 0) return [];
  const inside = runs.map(({ text, look }) =>
    look === '' ? escaped(text) : `<tspan class="${look}">${escaped(text)}</tspan>`,
  );
  const width = (columns * size.column).toFixed(1);
  return [`<text x="${size.side}" y="${y}" textLength="${width}">${inside.join('')}</text>`];
}

const sequence = new RegExp(`(${String.fromCharCode(27)}\\[[\\d;]*m)`);

function codesOf(piece: string): string | undefined {
  return sequence.test(piece) ? piece.slice(2, -1) : undefined;
}

/** A line in pieces of one look; blanks at its end count for nothing. Knows what lanpost uses: bold, dim, 16 colours. */
function runsOf(line: string): Run[] {
  const runs: Run[] = [];
  const look = { bold: false, dim: false, color: '' };
  for (const piece of line.trimEnd().split(sequence)) {
    const codes = codesOf(piece);
    if (codes === undefined) {
      const names = [look.bold && 'bold', look.dim && 'dim', look.color].filter(Boolean);
      if (piece !== '') runs.push({ text: piece, look: names.join(' ') });
      continue;
    }
    for (const code of codes.split(';').map(Number)) {
      if (code === 0) Object.assign(look, { bold: false, dim: false, color: '' });
      else if (code === 1) look.bold = true;
      else if (code === 2) look.dim = true;
      else if (code === 22) Object.assign(look, { bold: false, dim: false });
      else if (code === 39) look.color = '';
      else if (code === 49) continue;
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) look.color = `c${code}`;
      else throw new Error(`a picture has no look for ${JSON.stringify(piece)}`);
    }
  }
  return runs;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
