/** What the build knows of a BPF object, as types: `src/generated/<name>.ts` has one binding for each object. */

/** Key and value of one map. Carried by the type alone. */
export interface MapOf<Key, Value> {
  readonly key: Key;
  readonly value: Value;
}

/** The types of one object. */
export interface ObjectTypes {
  /** Payload of its documents; `never` without an event. */
  readonly event: object;
  /** Values of its OPTION()s under their C names. */
  readonly options: object;
  /** `MapOf` for each map, by name. */
  readonly maps: object;
}

/** Any object: no name and no type is known. */
export interface AnyObject extends ObjectTypes {
  readonly event: Record<string, unknown>;
  readonly maps: Readonly<Record<string, MapOf<unknown, unknown>>>;
}

/** Names an object, and knows its types. */
export interface ObjectBinding<Types extends ObjectTypes> {
  readonly object: string;
  /** Never set: it makes two bindings two types. */
  readonly types?: Types;
}

export type MapKey<Map> = Map extends MapOf<infer Key, unknown> ? Key : never;
export type MapValue<Map> = Map extends MapOf<unknown, infer Value> ? Value : never;
