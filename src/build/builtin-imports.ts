/**
 * Node's own modules without what nothing asks for. `import { createServer } from 'node:http'` has Node read every export of
 * the module, also those that load something when they are read: `http.WebSocket` is undici, 3 MB for each thread. A bundle
 * takes what it uses:
 *
 *   import { join } from 'node:path'          ──►  const join = process.getBuiltinModule('node:path').join
 *   import { createHash } from 'node:crypto'  ──►  const createHash = (...a) => process.getBuiltinModule('node:crypto').createHash(...a)
 */
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

const NAMESPACE = 'builtin';
/** Half a megabyte or more each, which most agents never need: loaded by the first call of one of their functions. */
const LATE: ReadonlySet<string> = new Set(['crypto', 'https', 'http2', 'tls']);
/** The server's adapter asks of each request whether it came over HTTP/2, which this agent does not serve. */
const ADAPTER = /\/@hono\/node-server\//;
const NO_HTTP2 = 'export class Http2ServerRequest {}\nexport const constants = {};';
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** For a build of ES modules that run on the Node that builds them, or a newer one. */
export const builtinImports: Plugin = {
  name: 'builtin-imports',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind, importer }) => {
      // A package's require() is Node's own, which reads no exports.
      if (kind !== 'import-statement' || !isBuiltin(path)) return undefined;
      const isForAdapter = path === 'node:http2' && ADAPTER.test(importer);
      return { path, namespace: NAMESPACE, sideEffects: false, suffix: isForAdapter ? '?none' : '' };
    });
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path, suffix }) => ({
      contents: suffix === '' ? moduleOf(path) : NO_HTTP2,
    }));
  },
};

/** An ES module with all names of a builtin, each of which can be left out by itself. */
function moduleOf(path: string): string {
  const builtin = process.getBuiltinModule(path) ?? {};
  const names = Object.keys(builtin).filter((name) => IDENTIFIER.test(name));
  const get = `process.getBuiltinModule(${JSON.stringify(path)})`;
  const isLate = LATE.has(path.replace(/^node:/, ''));
  return [
    // A call that is marked is left out when its result is not used; a property is not, it may have a getter.
    `const builtin = /* @__PURE__ */ ${get};`,
    'export default builtin;',
    ...names.map((name, index) =>
      isLate && isFunction(builtin, name)
        ? `const $${index} = (...given) => ${get}.${name}(...given);`
        : `const $${index} = /* @__PURE__ */ (() => builtin.${name})();`,
    ),
    `export { ${names.map((name, index) => `$${index} as ${name}`).join(', ')} };`,
  ].join('\n');
}

/** Not a class, which is there to be extended and compared with. */
function isFunction(builtin: object, name: string): boolean {
  const { value } = Object.getOwnPropertyDescriptor(builtin, name) ?? {};
  return typeof value === 'function' && !/^[A-Z]/.test(name);
}
