import { SharingError } from '#sharing/errors.js';
import type { ReceiveRules } from '#sharing/session/receiving.js';
import type { Assembly, Intake } from '#sharing/transfer/assembly.js';
import type { TakingBeside } from '#sharing/transfer/beside.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';

/** Takes chunks as they come over one connection. A pending promise means: read no further. */
export interface ChunkIntake {
  chunk(header: ChunkHeader): Promise<void> | undefined;
  data(bytes: Buffer): void;
  /** The connection is lost: what came in part will come again. */
  lost(): void;
}

export interface IntakesOptions {
  readonly file: number;
  readonly rules: ReceiveRules;
  readonly assembly: Assembly;
  readonly beside: Pick<TakingBeside, 'end' | 'noted'>;
}

/**
 * Takes the bytes of one file that come over several connections; each chunk is taken from one of them. Gives what opens the
 * intake of one more; `endLane` closes one that is a lane.
 */
export function openIntakes(options: IntakesOptions): (endLane?: () => void) => ChunkIntake {
  const { file, rules, assembly, beside } = options;
  /** What ends the lanes that chunks come over. */
  const lanes = new Map<Intake, () => void>();

  /**
   * A chunk comes that another connection has taken: its sender gave up one of the two as lost. That is never the session's
   * own. Of two lanes nobody can tell, so the other one ends, and the sender sends again what was lost with either.
   */
  async function takeOver(header: ChunkHeader, own: Intake): Promise<void> {
    const { chunk } = header;
    const other = assembly.holder(chunk);
    const isLate = lanes.has(own) && other && !lanes.has(other);
    if (isLate) return;
    if (other) {
      lanes.get(other)?.();
      other.drop();
      rules.lost(chunk);
    }
    await beside.end();
    await assembly.idle();
    await beside.noted(chunk);
    const verdict = rules.chunk(header);
    if (verdict === 'take') await own.begin(header);
    if (verdict !== 'busy') return;
    // Somebody was quicker.
    if (!assembly.holds(chunk)) throw new SharingError('protocol', `chunk ${chunk} comes twice`);
    await takeOver(header, own);
  }

  return (endLane) => {
    const intake = assembly.intake();
    if (endLane) {
      rules.useLanes();
      lanes.set(intake, endLane);
    }
    return {
      chunk(header) {
        if (header.file !== file) {
          throw new SharingError('protocol', `file ${header.file} is not received`);
        }
        intake.drop();
        const verdict = rules.chunk(header);
        if (verdict === 'take') return intake.begin(header);
        return verdict === 'busy' ? takeOver(header, intake) : undefined;
      },
      lost() {
        const chunk = intake.drop();
        if (chunk !== undefined) rules.lost(chunk);
      },
      data: intake.data,
    };
  };
}
