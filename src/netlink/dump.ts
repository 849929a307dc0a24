/** Everything of one kind, of one moment; or one thing. */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { HuatuoError } from '../error.ts';
import {
  dumpRequest,
  isInterrupted,
  meaningOf,
  messagesIn,
  type NetlinkMessage,
  notSupported,
  oneRequest,
} from './message.ts';

/** Sends a request and reads all of its answer. */
export type Exchange = (request: Uint8Array) => Promise<readonly Uint8Array[]>;

/** What changes faster than it can be read is given up after this many. */
const MAX_ATTEMPTS = 5;

/**
 * Reads all objects of one type. An answer during which something changed (NLM_F_DUMP_INTR) may miss what is there all
 * along, so it is asked for again, a few times.
 * @param payload what stands behind the header of the request
 * @throws KERNEL_FEATURE_MISSING, SYSCALL_FAILED when the kernel refuses, or changes all the time; SOURCE_UNREADABLE
 */
export async function dump(
  exchange: Exchange,
  type: number,
  payload: Uint8Array,
): Promise<readonly NetlinkMessage[]> {
  const request = dumpRequest(type, payload);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const messages = (await exchange(request)).flatMap(messagesIn);
    for (const message of messages) refuseError(message);
    if (!messages.some(isInterrupted)) return messages.filter((one) => meaningOf(one).kind === 'data');
  }
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: 'a netlink dump of one moment',
    found: `that it was interrupted by changes ${MAX_ATTEMPTS} times`,
    remedy: 'it is tried again; if it comes back, look for what changes network devices all the time',
  });
}

/**
 * Reads one object.
 * @returns undefined when the answer is only an acknowledgement
 * @throws KERNEL_FEATURE_MISSING, SYSCALL_FAILED when the kernel refuses, SOURCE_UNREADABLE
 */
export async function ask(
  exchange: Exchange,
  type: number,
  payload: Uint8Array,
): Promise<NetlinkMessage | undefined> {
  const messages = (await exchange(oneRequest(type, payload))).flatMap(messagesIn);
  for (const message of messages) refuseError(message);
  return messages.find((message) => meaningOf(message).kind === 'data');
}

/** @returns undefined when kernel or driver lack what was asked for, which is no failure of the one who asks */
export async function ifSupported<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'KERNEL_FEATURE_MISSING') return undefined;
    throw error;
  }
}

function refuseError(message: NetlinkMessage): void {
  const meaning = meaningOf(message);
  if (meaning.kind !== 'error' || meaning.errno === 0) return;
  if (meaning.errno === constants.errno.EOPNOTSUPP) throw notSupported('EOPNOTSUPP');
  // Of generic netlink: there is no such family.
  if (meaning.errno === constants.errno.ENOENT) throw notSupported('ENOENT');
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: 'an answer to a netlink request',
    found: getSystemErrorName(-Math.abs(meaning.errno)),
    remedy: 'run as root, in the network namespace of the host',
  });
}
