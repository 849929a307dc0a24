/** Load-time options: documented `const volatile` variables, which clang places in `.rodata`. */
import type { Btf } from './btf.ts';
import type { Elf } from './elf.ts';
import { buildFailed } from './failure.ts';
import type { OptionLayout } from './manifest.ts';

/**
 * Options in the order of the object. Variables without DOC() are the loader's (page size) and no option.
 * @throws HuatuoError BUILD_FAILED for types that no config value fits, and for two options with one key
 */
export function optionLayouts(btf: Btf, elf: Elf, file: string): readonly OptionLayout[] {
  const options: OptionLayout[] = [];
  for (const id of btf.variablesOf('.rodata')) {
    const doc = btf.tag('doc:', id);
    if (!doc) continue;
    const option = optionLayout(btf, elf, file, id, doc);
    const twin = options.find((other) => other.key === option.key);
    if (twin) {
      const location = { file, subject: `option ${option.name}` };
      throw buildFailed(
        location,
        `config key '${option.key}' is taken by ${twin.name}`,
        'rename one of them',
      );
    }
    options.push(option);
  }
  return options;
}

function optionLayout(btf: Btf, elf: Elf, file: string, id: number, doc: string): OptionLayout {
  const variable = btf.type(id);
  const name = variable.kind === 'var' ? variable.name : '';
  const location = { file, subject: `option ${name}` };
  const type = variable.kind === 'var' ? btf.type(btf.resolve(variable.type)) : variable;
  if (type.kind !== 'int' || type.signed) {
    throw buildFailed(
      location,
      'a type that no config value fits',
      'use an unsigned integer (u32, u64) or bool8',
    );
  }
  const section = elf.sections.find((candidate) => candidate.name === '.rodata');
  const symbol = elf.symbols.find(
    (candidate) => candidate.name === name && candidate.section === section?.index,
  );
  if (!section || !symbol)
    throw buildFailed(location, 'no symbol in .rodata', 'declare it with OPTION() at file scope');
  const defaultValue = readUnsigned(section.data.subarray(symbol.value, symbol.value + type.bytes));
  if (!Number.isSafeInteger(defaultValue)) {
    throw buildFailed(
      location,
      `a default of ${defaultValue}`,
      'keep it below 2^53, the largest number a config file holds exactly',
    );
  }
  const isBool = type.bool || (variable.kind === 'var' && isBool8(btf, variable.type));
  return { name, ...keyAndFormat(name, isBool), offset: symbol.value, bytes: type.bytes, defaultValue, doc };
}

/** The unit goes from the key to the value: `threshold_ns = 10000000` is `threshold: 10ms` in the config. */
function keyAndFormat(name: string, isBool: boolean): Pick<OptionLayout, 'key' | 'format'> {
  if (isBool) return { key: name, format: 'bool' };
  if (name.endsWith('_ns')) return { key: name.slice(0, -'_ns'.length), format: 'dur_ns' };
  if (name.endsWith('_bytes')) return { key: name.slice(0, -'_bytes'.length), format: 'bytes' };
  return { key: name, format: 'count' };
}

function isBool8(btf: Btf, id: number): boolean {
  const type = btf.type(btf.unqualified(id));
  return type.kind === 'typedef' && type.name === 'bool8';
}

function readUnsigned(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
