/**
 * Node's own modules without what nothing asks for. `import { createServer } from 'node:http'` has Node read every export of
 * the module, also those that load something when they are read: `http.WebSocket` is undici, 3 MB for each thread. A bundle
 * takes what it uses:
 *
 *   import { join } from 'node:path'  ──►  const join = process.getBuiltinModule('node:path').join
 */
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

const NAMESPACE = 'builtin';
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** For a build of ES modules that run on the Node that builds them, or a newer one. */
export const builtinImports: Plugin = {
  name: 'builtin-imports',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) => {
      // A package's require() is Node's own, which reads no exports.
      if (kind !== 'import-statement' || !isBuiltin(path)) return undefined;
      return { path, namespace: NAMESPACE, sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({ contents: moduleOf(path) }));
  },
};

/** An ES module with all names of a builtin, each of which can be left out by itself. */
function moduleOf(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => IDENTIFIER.test(name));
  return [
    `const builtin = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)});`,
    'export default builtin;',
    // A call that is marked is left out when its result is not used; a property is not, it may have a getter.
    ...names.map((name, index) => `const $${index} = /* @__PURE__ */ (() => builtin.${name})();`),
    `export { ${names.map((name, index) => `$${index} as ${name}`).join(', ')} };`,
  ].join('\n');
}
