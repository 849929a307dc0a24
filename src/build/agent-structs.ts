/**
 * BTF of the agent's own programs -> where everything is in the structs of their maps that the agent reads as bytes: a profile has
 * thousands of stacks of 191 addresses, too many to be made into values one by one, as maps of collectors are.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Btf, BtfMember, BtfStruct } from '../schema/btf.ts';
import { readBtf } from '../schema/btf-reader.ts';
import { readElf } from '../schema/elf.ts';
import { buildFailed } from '../schema/failure.ts';

/** By the object of bpf/agent that has them in its maps. */
const STRUCTS: Readonly<Record<string, readonly string[]>> = {
  profile_rolling: [
    'profile_stack',
    'profile_total',
    'profile_process',
    'profile_counts',
    'rolling_stack',
    'cgroup_path',
  ],
  disk_activity: ['file_id', 'file_names', 'disk_user', 'disk_usage', 'disk_bio', 'disk_losses'],
  page_cache_growth: ['cache_user', 'cache_usage', 'cache_losses'],
  slab_growth: ['slab_user', 'slab_usage', 'slab_stack', 'slab_losses'],
};
const PADDING = /^_pad/;

/**
 * A constant for each struct: its size, and for each member a reader; of arrays of bytes and of structs, where they are.
 * @param objects directory of the built objects
 * @returns a module, formatted as biome would @throws HuatuoError BUILD_FAILED for a member that has no such reader
 */
export function agentStructsSource(objects: string): string {
  const constants = Object.entries(STRUCTS).flatMap(([object, names]) => {
    const file = join(objects, `${object}.bpf.o`);
    const section = readElf(readFileSync(file)).sections.find(({ name }) => name === '.BTF');
    const btf = readBtf(section?.data ?? new Uint8Array());
    return names.map((name) => structSource(btf, name, file));
  });
  const head = [
    '// Generated from bpf/agent by `npm run build`: change the structs there.',
    "import { u8, u32, u64, u64s } from '../bytes.ts';",
  ];
  return `${[...head, ...constants].join('\n\n')}\n`;
}

function structSource(btf: Btf, name: string, file: string): string {
  const struct = btf.types.find((type): type is BtfStruct => type.kind === 'struct' && type.name === name);
  if (!struct) throw buildFailed({ file, subject: `struct ${name}` }, 'no such type', 'correct STRUCTS');
  const members = struct.members.filter((member) => !PADDING.test(member.name));
  return [
    `/** \`struct ${name}\` */`,
    `export const ${name.toUpperCase()} = {`,
    `  size_bytes: ${struct.bytes},`,
    ...members.map((member) => `  ${member.name}: ${memberSource(btf, member, { file, struct: name })},`),
    '};',
  ].join('\n');
}

function memberSource(
  btf: Btf,
  member: BtfMember,
  { file, struct }: { file: string; struct: string },
): string {
  const at = member.bitOffset / 8;
  const type = btf.type(btf.resolve(member.type));
  if (type.kind === 'struct') return `{ at: ${at} }`;
  if (type.kind === 'int' && member.bits === 0 && isRead(type.bytes)) return `u${type.bytes * 8}(${at})`;
  const element = type.kind === 'array' ? btf.type(btf.resolve(type.element)) : undefined;
  if (type.kind === 'array' && element?.kind === 'int' && element.bytes === 1)
    return `{ at: ${at}, bytes: ${type.length} }`;
  if (type.kind === 'array' && element?.kind === 'int' && element.bytes === 8)
    return `u64s(${at}, ${type.length})`;
  if (type.kind === 'array' && element?.kind === 'array')
    return `{ at: ${at}, length: ${type.length}, bytes: ${element.length} }`;
  const subject = `${member.name} of struct ${struct}`;
  throw buildFailed({ file, subject }, 'a member without a reader', 'make it a number, bytes or a struct');
}

function isRead(bytes: number): boolean {
  return bytes === 1 || bytes === 4 || bytes === 8;
}
