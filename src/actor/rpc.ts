/**
 * Control calls between threads: comlink over one MessagePort, with errors that keep `code`, `remedy` and `cause`,
 * and a deadline for every call.
 *
 * Ports are listened to in Node's way, through comlink's adapter: their first event as an EventTarget has Node load undici,
 * HTTP/2 and TLS for the class of that event, 2.5 MB for each thread.
 *
 * Comlink never settles a call whose other side is gone (a terminated worker sends no answer), and whoever shares that call with
 * later ones would wait for ever: here every call that is open when the port closes is rejected. A thread that hangs closes
 * nothing: wrap each call in `withDeadline`.
 */
import type { MessagePort, Transferable } from 'node:worker_threads';
import comlink, { type Remote } from 'comlink';
import nodeEndpoint from 'comlink/dist/umd/node-adapter.js';
import { HuatuoError, type WireError } from '../error.ts';

export type { Remote };

// The module is its one function; its types speak of a `default` that only the other build has.
const toEndpoint = nodeEndpoint as unknown as typeof nodeEndpoint.default;

/** An api whose every answer is a promise. */
export type Promised<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** What comlink hands to the `throw` handler: the thrown value, marked so that it is not taken for a result. */
interface Thrown {
  readonly value: unknown;
}

// Comlink's own handler keeps message, name and stack only. Its test for "this was thrown" stays: the marker is private.
const thrown = comlink.transferHandlers.get('throw') as { canHandle(value: unknown): value is Thrown };
comlink.transferHandlers.set('throw', {
  canHandle: thrown.canHandle,
  serialize: ({ value }: Thrown): [WireError, Transferable[]] => [HuatuoError.toWire(value), []],
  deserialize: (wire: WireError): never => {
    throw HuatuoError.fromWire(wire);
  },
});

/**
 * Answers calls that arrive on `port` with the methods of `api`, until the port is closed. Whatever a method throws
 * reaches the caller as a HuatuoError. The port keeps its thread's event loop alive; `port.unref()` afterwards if not
 * wanted.
 */
export function expose(api: object, port: MessagePort): void {
  comlink.expose(api, toEndpoint(port));
}

/**
 * The other side's api, each method returning a promise, which rejects with WORKER_EXITED when the port closes before the answer has
 * come. Arguments are cloned; a port among them needs `transferPort`. The caller keeps `port` and closes it when done.
 */
export function wrap<Api extends object>(port: MessagePort): Remote<Api> {
  const known = wrapped.get(port);
  if (known) return known as Remote<Api>;
  const remote = settling(comlink.wrap<Api>(toEndpoint(port)), port);
  wrapped.set(port, remote);
  port.once('close', () => wrapped.delete(port));
  return remote;
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

function settling<Api extends object>(remote: Remote<Api>, port: MessagePort): Remote<Api> {
  const open = new Set<(error: HuatuoError) => void>();
  let closed = false;
  port.once('close', () => {
    closed = true;
    for (const reject of open) reject(gone());
    open.clear();
  });
  const get = (target: Remote<Api>, name: string | symbol): unknown => {
    // An api is no promise, although comlink's proxy has every property.
    if (typeof name === 'symbol' || name === 'then') return undefined;
    return async (...args: readonly unknown[]): Promise<unknown> => {
      if (closed) throw gone();
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      open.add(reject);
      try {
        (target as unknown as Readonly<Record<string, Call>>)[name]?.(...args).then(resolve, reject);
        return await promise;
      } finally {
        open.delete(reject);
      }
    };
  };
  return new Proxy(remote, { get });
}

function gone(): HuatuoError {
  return new HuatuoError('WORKER_EXITED', {
    expected: 'an answer from another thread',
    found: 'that it has ended',
    remedy: 'it is restarted by its supervisor, and can then be asked again',
  });
}

/**
 * When a wrapper is collected, comlink ends what is served at the other end: a wrapper lives as long as its port is open. A
 * WeakMap alone would not let go of it, because comlink's finalizer holds the port.
 */
const wrapped = new Map<MessagePort, unknown>();

/** Marks an argument of a wrapped call as moved, not cloned: afterwards it is unusable on this side. */
export function transferPort(port: MessagePort): MessagePort {
  return comlink.transfer(port, [port]);
}
