/** From the bytes of a compiled object to its manifest. Used by the build, and by the agent to check what it loads. */

import { HuatuoError } from '../error.ts';
import type { About } from '../sdk/about.ts';
import type { Btf } from './btf.ts';
import { readBtf } from './btf-reader.ts';
import { type Elf, readElf } from './elf.ts';
import { buildFailed } from './failure.ts';
import { builtLayout, eventLayout, type StructLayout } from './layout.ts';
import type { AttachPoint, ObjectManifest } from './manifest.ts';
import { globalsLayout, mapLayouts } from './maps.ts';
import { optionLayouts } from './variables.ts';

/**
 * @param collector basename of the source
 * @param file the source as the user would open it, for errors
 * @throws HuatuoError BUILD_FAILED (rules of event, options and maps), OBJECT_UNREADABLE (damaged object)
 */
export function readManifest(object: Uint8Array, collector: string, file: string): ObjectManifest {
  const { elf, btf } = open(object);
  const event = eventLayout(btf, collector, file);
  const doc = collectorDoc(btf) ?? event?.doc;
  if (!doc) {
    throw buildFailed(
      { file },
      'neither an event nor a COLLECTOR_DOC()',
      'say in one sentence what it tells: COLLECTOR_DOC("…");',
    );
  }
  const about = aboutCollector(btf, file);
  return {
    collector,
    doc,
    ...(about && { about }),
    ...(event ? { event } : {}),
    options: optionLayouts(btf, elf, file),
    maps: [...mapLayouts(btf, file), ...globalsLayout(btf, elf, file)],
    attachPoints: attachPoints(elf, btf),
  };
}

/**
 * Layout of a built object's event, read from the object itself; undefined when it has none. Compare `hash` with the
 * manifest's before the decoder sees a record. The build's rules of style are not applied.
 * @param file as the user knows the object
 * @throws OBJECT_UNREADABLE, LAYOUT_MISMATCH when there is no way to read such a struct
 */
export function objectLayout(object: Uint8Array, file: string): StructLayout | undefined {
  const { btf } = open(object);
  try {
    return builtLayout(btf, file);
  } catch (cause) {
    throw new HuatuoError('LAYOUT_MISMATCH', {
      expected: `an object of this build in ${file}`,
      found: `an event struct that it cannot read (${cause instanceof Error ? cause.message : cause})`,
      remedy: 'build again: npm run build',
      cause,
    });
  }
}

function open(object: Uint8Array): { elf: Elf; btf: Btf } {
  const elf = readElf(object);
  const section = elf.sections.find((candidate) => candidate.name === '.BTF');
  if (section) return { elf, btf: readBtf(section.data) };
  throw new HuatuoError('OBJECT_UNREADABLE', {
    expected: 'a .BTF section',
    found: 'none',
    remedy: 'compile with -g, and do not strip BTF',
  });
}

function collectorDoc(btf: Btf): string | undefined {
  return textOf(btf, 'collector_doc');
}

/** A row has all of its cells or is none. */
function aboutCollector(btf: Btf, file: string): About | undefined {
  const [question, kernel, falsePositives] = ['question', 'kernel', 'false_positives'].map((name) =>
    textOf(btf, `collector_${name}`),
  );
  if (question && kernel && falsePositives) return { question, kernel, falsePositives };
  if (question === undefined && kernel === undefined && falsePositives === undefined) return undefined;
  throw buildFailed(
    { file },
    'only some of QUESTION(), KERNEL() and FALSE_POSITIVES()',
    'say all three, each in a few words: they are the row of its collector in the documentation',
  );
}

function textOf(btf: Btf, variable: string): string | undefined {
  const id = btf.variable(variable);
  return id === undefined ? undefined : btf.tag('doc:', id);
}

/**
 * The programs, as libbpf finds them: a symbol in a section of code that is not the subprograms'. In the order of the source,
 * which that of BTF's functions is, and not of the sections: it decides between variants.
 */
function attachPoints(elf: Elf, btf: Btf): readonly AttachPoint[] {
  const order = new Map(
    btf.types.flatMap((type, id) => (type.kind === 'func' ? [[type.name, id] as const] : [])),
  );
  const position = ({ program }: AttachPoint): number => order.get(program) ?? btf.types.length;
  return elf.sections
    .filter(({ executable, name }) => executable && name !== '.text')
    .flatMap(({ index, name }) =>
      elf.symbols
        .filter(({ section, bytes }) => section === index && bytes > 0)
        .map((symbol) => ({
          program: symbol.name,
          section: name.replace(/^\?/, ''),
          optional: name.startsWith('?'),
        })),
    )
    .sort((a, b) => position(a) - position(b));
}
