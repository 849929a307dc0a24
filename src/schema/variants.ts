/** The other event structs of a ring (`EVENT_VARIANT`), told apart by the `event_tag` that all of them begin alike with. */
import type { Btf } from './btf.ts';
import { buildFailed, type SourceLocation } from './failure.ts';
import type { EventLayout, EventVariant, FieldLayout } from './manifest.ts';

const ANCHOR = 'event_variant_';
const NUMBER = /^\d{1,9}$/;

/** What the head of a record has, whatever struct follows: it is read before the tag is looked at. */
const HEAD: readonly FieldLayout['format'][] = ['ktime_ns', 'cgroup_id', 'tag'];

/** @returns anchors in the order of their tags: number of the variable, and the tag's value */
export function variantAnchors(
  btf: Btf,
  file: string,
): readonly { readonly id: number; readonly tag: number }[] {
  const anchors = btf.types.flatMap((type, id) => {
    if (type.kind !== 'var' || !type.name.startsWith(ANCHOR)) return [];
    const text = btf.tag('variant:', id) ?? '';
    if (NUMBER.test(text) && Number(text) > 0) return [{ id, tag: Number(text) }];
    throw buildFailed(
      { file, subject: type.name },
      `EVENT_VARIANT() with the tag '${text}'`,
      'use a number from 1; the struct of EVENT_RING() has 0',
    );
  });
  return anchors.sort((a, b) => a.tag - b.tag);
}

/** @throws HuatuoError BUILD_FAILED when two structs could not be told apart, or have different heads */
export function checkVariants(
  layout: Pick<EventLayout, 'fields' | 'struct'>,
  variants: readonly EventVariant[],
  file: string,
): void {
  if (variants.length === 0) return;
  const tags = new Set<number>([0]);
  for (const variant of variants) {
    const location: SourceLocation = { file, subject: `struct ${variant.struct}` };
    if (tags.has(variant.tag))
      throw buildFailed(location, `the tag ${variant.tag} a second time`, 'give each struct its own');
    tags.add(variant.tag);
    for (const format of HEAD) {
      const [first, own] = [headOf(layout.fields, format), headOf(variant.fields, format)];
      if (first === own && (format !== 'tag' || first !== '')) continue;
      throw buildFailed(
        location,
        `${format} at ${own || 'no place'}, in struct ${layout.struct} at ${first || 'no place'}`,
        'begin all structs of a ring with the same event_tag, ktime_ns and cgroup id',
      );
    }
  }
}

function headOf(fields: readonly FieldLayout[], format: FieldLayout['format']): string {
  const field = fields.find((candidate) => candidate.format === format && candidate.length === undefined);
  return field ? `byte ${field.offset}${field.controller ? ` (${field.controller})` : ''}` : '';
}

/** Every struct of the ring with its tag, that of `EVENT_RING` first. */
export function structsOf(layout: EventLayout): readonly EventVariant[] {
  const { struct, bytes, doc, fields, variants = [] } = layout;
  return [{ tag: 0, struct, bytes, doc, fields }, ...variants];
}

/** `connection_closed_event` -> `connection_closed`: what the tag is printed as. */
export function variantName(struct: string): string {
  return struct.replace(/_event$/, '');
}
