/** Text of a decoder as it is written: statements, and between them constants, merged into one copy each. */
import type { LookupKind } from '../decoder/lookup-kinds.ts';
import { buildFailed } from '../schema/failure.ts';
import type { FieldFormat } from '../schema/manifest.ts';

/** Collects statements; constant text waits until a value interrupts it. */
export class DecoderWriter {
  readonly kinds: readonly LookupKind[];
  readonly #lines: string[] = [];
  #pending = '';
  #indent = '';

  constructor(kinds: readonly LookupKind[]) {
    this.kinds = kinds;
  }

  literal(text: string): void {
    this.#pending += text;
  }

  statement(line: string): void {
    this.#flush();
    this.#lines.push(`${this.#indent}${line}`);
  }

  block(head: string, body: () => void): void {
    this.statement(`${head} {`);
    this.#indent += '  ';
    body();
    this.#flush();
    this.#indent = this.#indent.slice(2);
    this.statement('}');
  }

  finish(): readonly string[] {
    this.#flush();
    return this.#lines;
  }

  #flush(): void {
    if (this.#pending === '') return;
    this.#lines.push(`${this.#indent}o = ${textCall(this.#pending)};`);
    this.#pending = '';
  }
}

/** The copy of a constant: `text(o, ',"pid":', 7)`. */
export function textCall(constant: string): string {
  if (!/^[\n -~]*$/.test(constant)) {
    throw buildFailed(
      { file: 'decoder' },
      `the name in ${constant}`,
      'use plain ASCII names in the BPF source',
    );
  }
  const quoted = constant.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n');
  return `text(o, '${quoted}', ${constant.length})`;
}

/** The load of a number: `load<u32>(r, 16)`. */
export function loadOf(format: FieldFormat, bytes: number, base: string, offset: number): string {
  return `load<${format === 'signed' ? 'i' : 'u'}${bytes * 8}>(${base}, ${offset})`;
}
