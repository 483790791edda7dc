/** Where a text stops being JSON; line and column count from 1, columns in UTF-16 units. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** The character that cannot stand there; undefined at the end of the text. */
  readonly found: string | undefined;
}

/**
 * Finds the first fault; undefined: the text is JSON. The texts of `JSON.parse` errors differ
 * between Node versions, and some name no position. Of a broken string or number it gives the start.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const open: Bracket[] = [];
  let expected: Expected | undefined = 'value';
  let offset = 0;
  for (;;) {
    offset = endOf(space, text, offset) ?? offset;
    const end = endOf(token, text, offset);
    if (end === undefined) break;
    expected = next(expected, text.charAt(offset), open);
    if (expected === undefined) break;
    offset = end;
  }
  const complete = offset === text.length && expected === 'separator' && open.length === 0;
  return complete ? undefined : faultAt(text, offset);
}

type Bracket = '{' | '[';
type Expected = 'value' | 'firstItem' | 'firstKey' | 'key' | 'colon' | 'separator';

const space = /[ \t\r\n]*/y;
const token =
  /[{}[\],:]|"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

function endOf(pattern: RegExp, text: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** What may follow a token that begins with `first`; undefined: the token cannot stand here. */
function next(expected: Expected, first: string, open: Bracket[]): Expected | undefined {
  switch (expected) {
    case 'firstItem':
      return first === ']' ? close(open) : value(first, open);
    case 'value':
      return value(first, open);
    case 'firstKey':
      return first === '}' ? close(open) : key(first);
    case 'key':
      return key(first);
    case 'colon':
      return first === ':' ? 'value' : undefined;
    case 'separator':
      return separator(first, open);
  }
}

function value(first: string, open: Bracket[]): Expected | undefined {
  if (first === '{' || first === '[') {
    open.push(first);
    return first === '{' ? 'firstKey' : 'firstItem';
  }
  return '}],:'.includes(first) ? undefined : 'separator';
}

function key(first: string): Expected | undefined {
  return first === '"' ? 'colon' : undefined;
}

function separator(first: string, open: Bracket[]): Expected | undefined {
  const inside = open.at(-1);
  if (inside === undefined) return undefined;
  if (first === ',') return inside === '{' ? 'key' : 'value';
  return first === (inside === '{' ? '}' : ']') ? close(open) : undefined;
}

function close(open: Bracket[]): Expected {
  open.pop();
  return 'separator';
}

function faultAt(text: string, offset: number): JsonFault {
  const before = text.slice(0, offset).split('\n');
  const found = text.codePointAt(offset);
  return {
    line: before.length,
    column: (before.at(-1) ?? '').length + 1,
    found: found === undefined ? undefined : String.fromCodePoint(found),
  };
}
