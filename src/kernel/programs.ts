/**
 * Which programs of an object run on this kernel. Programs whose names differ only behind `___` are variants of one purpose, as
 * flavours of a type are (CO-RE): the first one that the kernel has runs, the others are spare. A purpose is optional when `?`
 * stands before the sections of all its variants; then it costs the object nothing that the kernel has none of them.
 *
 *   SEC("tp_btf/x")              required: the object does not load without
 *   SEC("?tp_btf/x")             optional
 *   SEC("tp_btf/x")  … y___new   the first that is there; one of them is required
 *   SEC("kprobe/x")  … y___old
 */
import { HuatuoError } from '../error.ts';
import type { AttachPoint } from '../schema/manifest.ts';
import type { Lack } from './features.ts';

/** What is to be seen of one program: in `huatuo list` and, for those that do not run, in the status. */
export interface ProgramStatus {
  readonly program: string;
  readonly section: string;
  /** `spare`: a variant that was not needed. */
  readonly state: 'runs' | 'missing' | 'spare';
  /** Why it does not run. */
  readonly reason?: string;
}

export class ProgramChoice {
  readonly #points: readonly AttachPoint[];
  /** By program. What the look before found, and later what the kernel said. */
  readonly #lacks: Map<string, Lack>;

  /** @param lacks what the kernel does not have of what a section names */
  constructor(
    points: readonly AttachPoint[],
    lacks: (section: string) => Lack | undefined = () => undefined,
  ) {
    this.#points = points;
    this.#lacks = new Map(
      points.flatMap(({ program, section }) => {
        const lack = lacks(section);
        return lack ? [[program, lack] as const] : [];
      }),
    );
  }

  /** The same choice, of which programs can be dropped on trial. */
  copy(): ProgramChoice {
    const copy = new ProgramChoice(this.#points);
    for (const [program, lack] of this.#lacks) copy.#lacks.set(program, lack);
    return copy;
  }

  /** Those to be loaded and attached, in the order of the source. */
  get chosen(): AttachPoint[] {
    const purposes = new Set<string>();
    return this.#points.filter(({ program }) => {
      if (this.#lacks.has(program) || purposes.has(purposeOf(program))) return false;
      purposes.add(purposeOf(program));
      return true;
    });
  }

  /** TRACEPOINT_MISSING when a purpose that is required has no program. */
  get error(): HuatuoError | undefined {
    const served = new Set(this.chosen.map(({ program }) => purposeOf(program)));
    const missing = this.#points.find(
      ({ program, optional }) => !optional && !served.has(purposeOf(program)),
    );
    if (!missing) return undefined;
    const variants = this.#variantsOf(missing);
    const lacks = variants.map(({ program }) => this.#lacks.get(program));
    return new HuatuoError('TRACEPOINT_MISSING', {
      expected: lacks.map((lack) => lack?.expected).join(', or '),
      found: lacks[0]?.found ?? 'none',
      remedy: `disable the collector, or use a kernel that has ${variants.map(({ section }) => section).join(' or ')}`,
    });
  }

  get status(): ProgramStatus[] {
    const chosen = new Set(this.chosen);
    return this.#points.map((point) => {
      const { program, section } = point;
      if (chosen.has(point)) return { program, section, state: 'runs' };
      const lack = this.#lacks.get(program);
      if (lack)
        return {
          program,
          section,
          state: 'missing',
          reason: `expected ${lack.expected}, found ${lack.found}`,
        };
      const winner = this.#variantsOf(point).find((variant) => chosen.has(variant));
      return { program, section, state: 'spare', reason: `${winner?.section} is there` };
    });
  }

  /** Whether the object can do without any variant of the program. */
  isOptional(point: AttachPoint): boolean {
    return this.#variantsOf(point).every(({ optional }) => optional);
  }

  /** Whether the object can be loaded without the program: it is optional, or another variant is left. */
  canDrop(point: AttachPoint): boolean {
    if (this.isOptional(point)) return true;
    return this.#variantsOf(point).some((other) => other !== point && !this.#lacks.has(other.program));
  }

  /** The kernel refuses a program that was chosen. */
  drop({ program }: AttachPoint, lack: Lack): void {
    this.#lacks.set(program, lack);
  }

  #variantsOf({ program }: AttachPoint): AttachPoint[] {
    return this.#points.filter((other) => purposeOf(other.program) === purposeOf(program));
  }
}

function purposeOf(program: string): string {
  return program.split('___')[0]!;
}
