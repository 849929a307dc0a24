/**
 * A browser without a window, spoken to over its debugging pipe: requests and events are JSON, each ends with a zero byte.
 * https://chromedevtools.github.io/devtools-protocol
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { findProgram } from './container-programs.ts';

const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'] as const;
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'];
const REQUEST_MS = 60_000;

interface PageSize {
  readonly width: number;
  readonly height: number;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: object;
  readonly result?: object;
  readonly error?: { readonly message: string };
}

/** @returns the reason that is printed, or false when there is one */
export function skipWithoutBrowser(): string | false {
  return NAMES.some(findProgram) ? false : `no browser is installed: ${NAMES.join(', ')}`;
}

/** One page in a browser of its own. */
export class Browser implements AsyncDisposable {
  /** What a user would see in the console, and dialogs that were opened. */
  readonly complaints: string[] = [];
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Map<string, () => void>();
  #session = '';
  #requests = 0;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.#take(JSON.parse(message) as Message);
    });
  }

  static async start(size: PageSize): Promise<Browser> {
    const directory = mkdtempSync(join(tmpdir(), 'huatuo-browser-'));
    const child = spawn(
      NAMES.map(findProgram).find((path) => path !== undefined) ?? '',
      [...FLAGS, '--remote-debugging-pipe', `--user-data-dir=${directory}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    const browser = new Browser(child, directory);
    const { targetInfos } = await browser.#ask<{
      readonly targetInfos: readonly { readonly type: string; readonly targetId: string }[];
    }>('Target.getTargets');
    const targetId = targetInfos.find(({ type }) => type === 'page')?.targetId;
    const { sessionId } = await browser.#ask<{ readonly sessionId: string }>('Target.attachToTarget', {
      targetId,
      flatten: true,
    });
    browser.#session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.#ask(`${domain}.enable`);
    await browser.#ask('Emulation.setDeviceMetricsOverride', {
      ...{ ...size, deviceScaleFactor: 1, mobile: false },
    });
    return browser;
  }

  /** @returns when all of the file is loaded, and its scripts have run */
  async open(file: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#listeners.set('Page.loadEventFired', resolve));
    await this.#ask('Page.navigate', { url: pathToFileURL(file).href });
    await loaded;
  }

  /** @param expression of JavaScript whose value is JSON */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#ask<{
      readonly result: { readonly value: T };
      readonly exceptionDetails?: object;
    }>('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  async move(x: number, y: number): Promise<void> {
    await this.#ask('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
  }

  async click(x: number, y: number): Promise<void> {
    await this.move(x, y);
    const button = { x, y, button: 'left', clickCount: 1 };
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.#ask('Input.dispatchMouseEvent', { type, ...button });
  }

  /** Into what has the focus. */
  async type(text: string): Promise<void> {
    await this.#ask('Input.insertText', { text });
  }

  async press(key: string): Promise<void> {
    for (const type of ['keyDown', 'keyUp']) await this.#ask('Input.dispatchKeyEvent', { type, key });
  }

  /** @returns a PNG of what is in sight */
  async screenshot(): Promise<Uint8Array> {
    const { data } = await this.#ask<{ readonly data: string }>('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }

  #take({ id, method, params, ...answer }: Message): void {
    if (id !== undefined) this.#waiting.get(id)?.({ id, ...answer });
    if (method === undefined) return;
    this.#listeners.get(method)?.();
    const isComplaint =
      ['Log.entryAdded', 'Runtime.exceptionThrown', 'Page.javascriptDialogOpening'].includes(method) ||
      (method === 'Runtime.consoleAPICalled' && (params as { readonly type: string }).type === 'error');
    if (isComplaint) this.complaints.push(`${method}: ${JSON.stringify(params)}`);
  }

  async #ask<T extends object>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#requests;
    const session = this.#session === '' ? {} : { sessionId: this.#session };
    const answered = new Promise<Message>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer to ${method}`)), REQUEST_MS);
      this.#waiting.set(id, (message) => {
        clearTimeout(late);
        resolve(message);
      });
    });
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode ?? once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
    // Its helpers have these pipes, too, and take a moment to notice.
    for (const pipe of this.#child.stdio) pipe?.destroy();
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10 });
  }
}
