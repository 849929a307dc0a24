import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import koffi from 'koffi';
import { SystemdNotifier, SystemdReporter } from '../../src/agent/systemd.ts';
import { closeFd, unixDatagramSocket } from '../../src/kernel/libc.ts';

const libc = koffi.load('libc.so.6');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const recv = libc.func('int64_t recv(int fd, _Out_ uint8_t *buffer, size_t size, int flags)');

/** The end of the socket that systemd holds. */
class Listener implements Disposable {
  readonly #fd = unixDatagramSocket();

  constructor(path: string) {
    const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
    const address = Buffer.concat([Uint8Array.of(1, 0), name]);
    assert.equal(bind(this.#fd, address, address.byteLength), 0);
  }

  /** The next datagram, or undefined when none waits. */
  receive(): string | undefined {
    const buffer = Buffer.alloc(4096);
    const length = Number(recv(this.#fd, buffer, buffer.byteLength, 0));
    return length < 0 ? undefined : buffer.toString('utf8', 0, length);
  }

  [Symbol.dispose](): void {
    closeFd(this.#fd);
  }
}

describe('a service of systemd', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'huatuo-notify-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  for (const kind of ['path', 'abstract'] as const) {
    test(`is heard on a socket by ${kind}`, () => {
      const address = kind === 'path' ? join(directory, 'notify') : `@${directory}`;
      using listener = new Listener(address);
      using notifier = new SystemdNotifier({ NOTIFY_SOCKET: address });
      assert.deepEqual(
        [
          notifier.ready(),
          notifier.status('3 collectors run'),
          notifier.watchdog(),
          notifier.reloading(1234n),
          notifier.stopping(),
        ],
        [true, true, true, true, true],
      );
      const heard = Array.from({ length: 5 }, () => listener.receive());
      assert.deepEqual(heard, [
        'READY=1',
        'STATUS=3 collectors run',
        'WATCHDOG=1',
        'RELOADING=1\nMONOTONIC_USEC=1234',
        'STOPPING=1',
      ]);
      assert.equal(listener.receive(), undefined);
    });
  }

  test('cannot be made to say something else by its status', () => {
    const path = join(directory, 'notify');
    using listener = new Listener(path);
    using notifier = new SystemdNotifier({ NOTIFY_SOCKET: path });
    notifier.status('oom of "a\nSTOPPING=1\r\0\u001b[31m\u2028b\ud800"');
    assert.equal(listener.receive(), 'STATUS=oom of "a STOPPING=1 [31m b\ufffd"');
    notifier.status('x'.repeat(10_000));
    assert.equal(listener.receive(), `STATUS=${'x'.repeat(512)}`);
  });

  test('asks for no status where there is no systemd to tell', () => {
    const status = (): never => assert.fail('asked');
    using reporter = new SystemdReporter(new SystemdNotifier({}), { status });
    reporter.started();
  });

  test('does nothing without systemd', () => {
    const quiet = new SystemdNotifier({ WATCHDOG_USEC: '1000000' });
    assert.equal(quiet.ready(), false);
    assert.equal(quiet.watchdogInterval_ms, undefined);
  });

  test('lives on when nobody listens, and is heard by a listener that comes back', () => {
    const path = join(directory, 'notify');
    using notifier = new SystemdNotifier({ NOTIFY_SOCKET: path });
    assert.equal(notifier.ready(), false);
    using listener = new Listener(path);
    assert.equal(notifier.ready(), true);
    assert.equal(listener.receive(), 'READY=1');
  });

  test('does not block when the listener does not read', () => {
    const path = join(directory, 'notify');
    using _listener = new Listener(path);
    using notifier = new SystemdNotifier({ NOTIFY_SOCKET: path });
    let sent = 0;
    while (sent < 100_000 && notifier.watchdog()) sent += 1;
    assert.ok(sent > 0 && sent < 100_000);
  });

  test('is refused addresses that are none', () => {
    for (const address of ['', '@', 'relative', 'vsock:2:1234', `/${'x'.repeat(107)}`]) {
      assert.equal(new SystemdNotifier({ NOTIFY_SOCKET: address }).ready(), false, address);
    }
  });

  test('is pinged at half the time of its watchdog, if that is its own', () => {
    const interval = (environment: NodeJS.ProcessEnv): number | undefined =>
      new SystemdNotifier({ NOTIFY_SOCKET: '/run/x', ...environment }, 77).watchdogInterval_ms;
    assert.equal(interval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '77' }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: '30000000' }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '78' }), undefined);
    for (const WATCHDOG_USEC of ['', '0', '-1', 'soon', 'Infinity']) {
      assert.equal(interval({ WATCHDOG_USEC }), undefined, WATCHDOG_USEC);
    }
    assert.equal(interval({}), undefined);
  });
});
