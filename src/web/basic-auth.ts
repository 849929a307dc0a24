/**
 * Passwords against bcrypt hashes, so that a scrape does not cost one and guessing does not cost the agent its CPU time.
 *
 *   passed before ──► a keyed digest is found: served
 *   else ──► its address has failed too often: 429
 *        ──► the queue, one comparison at a time, is full: 503
 *        ──► compared; after a failure the queue rests four times as long as that took: 401
 */
import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

type AuthOutcome = 'passed' | 'refused' | 'too_many' | 'busy';
type Users = Readonly<Record<string, string>>;

/** User, password and hash that have passed. */
const MAX_PASSED = 128;
const MAX_ADDRESSES = 1024;
const MAX_FAILURES = 10;
const FORGIVEN_MS = 60_000;
const MAX_WAITING = 8;
/** After a failure, in times of the comparison: wrong passwords take at most a fifth of a core. */
const REST = 4;
/** bcrypt looks at no more. */
const MAX_PASSWORD_BYTES = 72;

export class BasicAuth {
  /** The digests are keyed anew in each thread, so the time of a look-up tells nothing about a password. */
  readonly #key = randomBytes(32);
  readonly #passed = new LRUCache<string, true>({ max: MAX_PASSED });
  readonly #failures = new LRUCache<string, number>({ max: MAX_ADDRESSES, ttl: FORGIVEN_MS });
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Comparisons that were made: each takes some 50 ms. */
  compared = 0;

  /**
   * @param header `Authorization`, as it was sent
   * @param address whose failures are counted
   */
  async check(users: Users, header: string | undefined, address: string): Promise<AuthOutcome> {
    const given = parse(header);
    // Every client's first question may come without; it is told what to send.
    if (!given) return 'refused';
    const hash = Object.hasOwn(users, given.user) ? users[given.user] : undefined;
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([given.user, given.password, hash]))
      .digest('base64');
    if (this.#passed.get(digest)) return 'passed';
    if ((this.#failures.get(address) ?? 0) >= MAX_FAILURES) return 'too_many';
    if (this.#waiting >= MAX_WAITING) return 'busy';
    // An unknown name takes as long as a known one.
    const compared = hash ?? Object.values(users)[0] ?? '';
    const isRight = (await this.#compare(given.password, compared)) && hash !== undefined;
    if (isRight) {
      this.#passed.set(digest, true);
      return 'passed';
    }
    // The time of the first failure counts, so guessing on does not lock an address out for good.
    const before = this.#failures.get(address);
    this.#failures.set(address, (before ?? 0) + 1, { noUpdateTTL: true });
    return 'refused';
  }

  async #compare(password: string, hash: string): Promise<boolean> {
    this.#waiting++;
    const mine = this.#turn.then(async () => {
      const { compare } = await import('bcryptjs');
      const start_ms = performance.now();
      this.compared++;
      const isRight = Buffer.byteLength(password) <= MAX_PASSWORD_BYTES && (await compare(password, hash));
      if (!isRight) await sleep((performance.now() - start_ms) * REST, undefined, { ref: false });
      return isRight;
    });
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }
}

function parse(header = ''): { readonly user: string; readonly password: string } | undefined {
  const [, encoded = ''] = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(header) ?? [];
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
