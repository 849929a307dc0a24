/**
 * What a collector itself puts into `tracer_data`, beside the fields of its event struct, as plain data:
 *
 *   document: { usage: bytes('Memory charged to it'), top: list(struct({ pid: integer('Process'), comm: keyword('Its name') })) }
 *
 * The TypeScript type, the Elasticsearch mapping and the rows of the documentation are made from this one declaration, and
 * tests hold documents against it.
 */

interface Described {
  readonly doc: string;
  /** Absent when it is not known. */
  readonly optional?: true;
}

export interface ScalarField extends Described {
  readonly type: 'bytes' | 'nanoseconds' | 'integer' | 'decimal' | 'boolean' | 'keyword';
}

/** An object with these fields; merged with the struct of that name when the event has one. */
export interface StructField<Fields extends DocumentFields = DocumentFields> extends Described {
  readonly type: 'struct';
  readonly fields: Fields;
}

export interface ListField<Element extends DocumentField = DocumentField> extends Described {
  readonly type: 'list';
  readonly of: Element;
}

/** An object whose keys are data, such as the lines of a kernel file. */
export interface RecordField<Element extends DocumentField = DocumentField> extends Described {
  readonly type: 'record';
  readonly of: Element;
}

export type DocumentField = ScalarField | StructField | ListField | RecordField;

// An interface, because a type alias may not contain itself.
export interface DocumentFields {
  readonly [name: string]: DocumentField;
}

/** Integers beyond 2^53 are bigint; both are printed exactly. */
type Whole = number | bigint;

export type FieldValue<Field extends DocumentField> = [DocumentField] extends [Field]
  ? unknown
  : Field extends ScalarField
    ? ScalarValue<Field>
    : Field extends StructField<infer Fields>
      ? DocumentOf<Fields>
      : Field extends ListField<infer Element>
        ? readonly FieldValue<Element>[]
        : Field extends RecordField<infer Element>
          ? Readonly<Record<string, FieldValue<Element>>>
          : never;

type ScalarValue<Field extends ScalarField> = Field['type'] extends 'keyword'
  ? string
  : Field['type'] extends 'boolean'
    ? boolean
    : Field['type'] extends 'decimal'
      ? number
      : Whole;

type OptionalKeys<Fields extends DocumentFields> = {
  [Key in keyof Fields]: Fields[Key] extends { readonly optional: true } ? Key : never;
}[keyof Fields];

/** The object that a declaration describes; any object where there is no declaration. */
export type DocumentOf<Fields extends DocumentFields> = string extends keyof Fields
  ? object
  : { readonly [Key in Exclude<keyof Fields, OptionalKeys<Fields>>]: FieldValue<Fields[Key]> } & {
      readonly [Key in OptionalKeys<Fields>]?: FieldValue<Fields[Key]> | undefined;
    };

export interface Typed<Type extends ScalarField['type']> extends ScalarField {
  readonly type: Type;
}

/** A size in bytes. */
export function bytes(doc: string): Typed<'bytes'> {
  return { type: 'bytes', doc };
}

/** A duration in nanoseconds. */
export function nanoseconds(doc: string): Typed<'nanoseconds'> {
  return { type: 'nanoseconds', doc };
}

/** A whole number without unit: a count, an identifier. */
export function integer(doc: string): Typed<'integer'> {
  return { type: 'integer', doc };
}

/** A number with a fraction. */
export function decimal(doc: string): Typed<'decimal'> {
  return { type: 'decimal', doc };
}

/** true or false. */
export function boolean(doc: string): Typed<'boolean'> {
  return { type: 'boolean', doc };
}

/** Text that is searched for as a whole: a name, a path. */
export function keyword(doc: string): Typed<'keyword'> {
  return { type: 'keyword', doc };
}

/** An object of fields. */
export function struct<const Fields extends DocumentFields>(fields: Fields, doc = ''): StructField<Fields> {
  return { type: 'struct', fields, doc };
}

/** An object whose keys are data. */
export function record<const Element extends DocumentField>(of: Element, doc: string): RecordField<Element> {
  return { type: 'record', of, doc };
}

/** A field that may be absent. */
export function optional<const Field extends DocumentField>(
  field: Field,
): Field & { readonly optional: true } {
  return { ...field, optional: true };
}
