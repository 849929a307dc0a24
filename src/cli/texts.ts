/** Texts in the options of collectors that only the kernel, or a library, can judge. */
import type { Catalog } from '../catalog/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { OptionSpec, TextOption } from '../sdk/options.ts';

interface Texts {
  /** Of the key: `collectors.dropwatch.suppress`. */
  readonly path: string;
  readonly spec: TextOption;
  /** Without those of the default and empty ones. */
  readonly values: readonly string[];
}

/** Options of the collectors that are to run. */
export function textsOf(
  { collectors }: EffectiveConfig,
  catalog: Catalog,
  isMeant: (spec: TextOption) => boolean,
): Texts[] {
  return catalog.entries.flatMap(({ name, options }) =>
    Object.entries(options).flatMap(([key, option]) => {
      const spec = textIn(option);
      if (!spec || !isMeant(spec) || !collectors[name]?.enabled) return [];
      const byDefault: readonly unknown[] = [option.default].flat();
      const values = [collectors[name].options[key]]
        .flat()
        .filter((value) => typeof value === 'string' && value !== '' && !byDefault.includes(value));
      return [{ path: `collectors.${name}.${key}`, spec, values: values as string[] }];
    }),
  );
}

function textIn(option: OptionSpec): TextOption | undefined {
  const spec = option.type === 'list' ? option.of : option;
  return spec.type === 'text' ? spec : undefined;
}
