/**
 * Which programs of an object run on this kernel. Programs whose names differ only behind `___` are variants of one purpose, as
 * flavours of a type are (CO-RE): the first one that the kernel has, loads and attaches runs, the others are spare. A purpose is
 * optional when `?` stands before the sections of all its variants; then it costs the object nothing that the kernel has none.
 * An object of which no program is left has nothing to do, and does not load.
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
  /** What it is a variant of; absent when there is no other. */
  readonly purpose?: string;
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
  /** Made for the choice as it is: each scrape asks for both. */
  #chosen: readonly AttachPoint[] | undefined;
  #status: readonly ProgramStatus[] | undefined;

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

  /** Whether some purpose has variants, so that the kernel's refusal of one need not be the end. */
  get hasVariants(): boolean {
    return this.#points.some((point) => this.#variantsOf(point).length > 1);
  }

  /** Those to be loaded and attached, in the order of the source. */
  get chosen(): readonly AttachPoint[] {
    this.#chosen ??= this.#choose();
    return this.#chosen;
  }

  #choose(): AttachPoint[] {
    const purposes = new Set<string>();
    return this.#points.filter(({ program }) => {
      if (this.#lacks.has(program) || purposes.has(purposeOf(program))) return false;
      purposes.add(purposeOf(program));
      return true;
    });
  }

  /** TRACEPOINT_MISSING when a purpose that is required has no program, or when all are optional and none has one. */
  get error(): HuatuoError | undefined {
    const served = new Set(this.chosen.map(({ program }) => purposeOf(program)));
    const missing = this.#points.find(
      ({ program, optional }) => !optional && !served.has(purposeOf(program)),
    );
    if (!missing) return served.size === 0 ? this.#nothingLeft() : undefined;
    const sections = this.#variantsOf(missing).map(({ section }) => section);
    return new HuatuoError('TRACEPOINT_MISSING', {
      ...this.refusal(missing),
      remedy: `disable the collector, or use a kernel that has ${sections.join(' or ')}`,
    });
  }

  /** All are optional, and none is there. @returns undefined for an object without programs */
  #nothingLeft(): HuatuoError | undefined {
    const [first] = this.#points;
    if (!first) return undefined;
    return new HuatuoError('TRACEPOINT_MISSING', {
      expected: this.#points.map(({ program }) => this.#lacks.get(program)?.expected).join(', or '),
      found: this.#lacks.get(first.program)?.found ?? 'none',
      remedy: 'disable the collector, or use a kernel that has one of them',
    });
  }

  /** Why a program does not run; of one with variants, why none of them does. */
  refusal(point: AttachPoint): Lack {
    const variants = this.#variantsOf(point);
    const reason = ({ program }: AttachPoint): Lack =>
      this.#lacks.get(program) ?? {
        expected: 'it to be tried',
        found: 'a variant that was chosen before it',
      };
    if (variants.length === 1) return reason(point);
    const found = variants.map((variant) => {
      const { expected, found } = reason(variant);
      return `${variant.program} (${variant.section}): expected ${expected}, found ${found}`;
    });
    return {
      expected: `a variant of ${purposeOf(point.program)} that this kernel runs`,
      found: `none:\n${found.join('\n')}\n`,
    };
  }

  get status(): readonly ProgramStatus[] {
    this.#status ??= this.#tell();
    return this.#status;
  }

  #tell(): ProgramStatus[] {
    const chosen = new Set(this.chosen);
    return this.#points.map((point) => {
      const { program, section } = point;
      const variants = this.#variantsOf(point);
      const purpose = variants.length > 1 ? { purpose: purposeOf(program) } : {};
      if (chosen.has(point)) return { program, ...purpose, section, state: 'runs' };
      const lack = this.#lacks.get(program);
      if (lack)
        return {
          program,
          ...purpose,
          section,
          state: 'missing',
          reason: `expected ${lack.expected}, found ${lack.found}`,
        };
      const winner = variants.find((variant) => chosen.has(variant));
      return { program, ...purpose, section, state: 'spare', reason: `${winner?.section} is there` };
    });
  }

  /** Whether the object can do without any variant of the program. */
  isOptional(point: AttachPoint): boolean {
    return this.#variantsOf(point).every(({ optional }) => optional);
  }

  /** Whether the object can be loaded without the program: it is optional, or another variant is left. */
  canDrop(point: AttachPoint): boolean {
    return this.isOptional(point) || this.hasSpare(point);
  }

  /** Whether another variant can take the place of the program. */
  hasSpare(point: AttachPoint): boolean {
    return this.#variantsOf(point).some((other) => other !== point && !this.#lacks.has(other.program));
  }

  /** The kernel refuses a program that was chosen. */
  drop({ program }: AttachPoint, lack: Lack): void {
    this.#lacks.set(program, lack);
    this.#chosen = undefined;
    this.#status = undefined;
  }

  #variantsOf({ program }: AttachPoint): AttachPoint[] {
    return this.#points.filter((other) => purposeOf(other.program) === purposeOf(program));
  }
}

function purposeOf(program: string): string {
  return program.split('___')[0]!;
}
