/** Lists, of option values and of document fields alike. */
import type { DocumentField, ListField } from './document.ts';
import type { ListOption, OptionSpec, ScalarOption } from './options.ts';

const MAX_ELEMENTS = 256;

interface ListBounds<Element extends ScalarOption> {
  /** As written in the file. */
  readonly default?: readonly Element['default'][];
  /** Most elements. */
  readonly max?: number;
}

/** An option that is a list, empty unless it says otherwise; or a list in a document. */
export function list<const Element extends ScalarOption>(
  of: Element,
  doc: string,
  bounds?: ListBounds<Element>,
): ListOption<Element>;
export function list<const Element extends DocumentField>(of: Element, doc?: string): ListField<Element>;
export function list(
  of: OptionSpec | DocumentField,
  doc = '',
  bounds: ListBounds<ScalarOption> = {},
): ListOption | ListField {
  return { type: 'list', of, doc, default: [], max: MAX_ELEMENTS, ...bounds } as ListOption | ListField;
}
