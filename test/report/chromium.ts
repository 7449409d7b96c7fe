/** A headless Chromium, led over its DevTools protocol: enough to open a file, look at it and keep a picture. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { WebSocket } from 'ws';

export interface Page {
  /** Errors and warnings of the console, refused requests, broken policies, uncaught exceptions. */
  readonly complaints: readonly string[];
  /** Addresses that were asked for, but the page itself. */
  readonly requests: readonly string[];
  look(at: { readonly width: number; readonly height?: number; readonly dark?: boolean }): Promise<void>;
  /** The value of a JavaScript expression. */
  evaluate<T>(expression: string): Promise<T>;
  press(key: 'Tab' | 'Enter'): Promise<void>;
  /** PNG of the whole page. */
  picture(): Promise<Buffer>;
}

export interface Chromium {
  open(url: string): Promise<Page>;
  close(): Promise<void>;
}

function chromiumPath(): string {
  const said = process.env['CHROMIUM'];
  if (said) return said;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const found = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)).filter((path) => existsSync(path)))[0];
  if (!found) throw new Error(`no Chromium was found (${names.join(', ')} on PATH): apt-get install chromium, or set CHROMIUM to one`);
  return found;
}

export async function openChromium(): Promise<Chromium> {
  const path = chromiumPath();
  const profile = await mkdtemp(join(tmpdir(), 'loki-eks-chromium-'));
  // As root, and in containers, its own sandbox can't be set up.
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-extensions',
    '--remote-debugging-port=0',
  ];
  const child = spawn(path, [...flags, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const socket = new WebSocket(await addressOf(child, path), { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const wire = wireOf(socket);
  return {
    open: (url) => openPage(wire, url),
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await wire.send('Browser.close', {}).catch(() => child.kill('SIGKILL'));
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const addressOf = (child: ChildProcess, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const address = /DevTools listening on (ws:\/\/\S+)/.exec(said)?.[1];
      if (address) resolve(address);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${path} ended with ${code} before it listened\n${said}`)));
  });

type Params = Readonly<Record<string, any>>;
interface Wire {
  send(method: string, params: object, sessionId?: string): Promise<Params>;
  listen(listener: (method: string, params: Params, sessionId?: string) => void): void;
}

function wireOf(socket: WebSocket): Wire {
  const waiting = new Map<number, { resolve: (result: Params) => void; reject: (error: Error) => void }>();
  const listeners: ((method: string, params: Params, sessionId?: string) => void)[] = [];
  let last = 0;
  socket.on('message', (data: Buffer) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(data.toString()) as Params;
    if (method) for (const listener of listeners) listener(method, params, sessionId);
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
  });
  socket.on('close', () => waiting.forEach(({ reject }) => reject(new Error('Chromium has gone'))));
  return {
    send: (method, params, sessionId) =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject });
        socket.send(JSON.stringify({ id: last, method, params, ...(sessionId && { sessionId }) }));
      }),
    listen: (listener) => void listeners.push(listener),
  };
}

async function openPage(wire: Wire, url: string): Promise<Page> {
  const complaints: string[] = [];
  const requests: string[] = [];
  const { targetId } = await wire.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await wire.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method: string, params: object = {}) => wire.send(method, params, sessionId);
  const loaded = new Promise<void>((resolve) =>
    wire.listen((method, params, session) => {
      if (session !== sessionId) return;
      if (method === 'Page.loadEventFired') resolve();
      if (method === 'Log.entryAdded' && params['entry'].level !== 'verbose') complaints.push(`${params['entry'].level}: ${params['entry'].text}`);
      if (method === 'Runtime.consoleAPICalled') complaints.push(`console.${params['type']}`);
      if (method === 'Runtime.exceptionThrown') complaints.push(params['exceptionDetails'].text);
      if (method === 'Network.requestWillBeSent' && params['request'].url.split('#')[0] !== url) requests.push(params['request'].url);
    }),
  );
  for (const domain of ['Page', 'Log', 'Runtime', 'Network']) await send(`${domain}.enable`);
  await send('Page.navigate', { url });
  await loaded;
  return {
    complaints,
    requests,
    look: async ({ width, height = 900, dark = false }) => {
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
    },
    evaluate: async (expression) => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    press: async (key) => {
      const codes = { Tab: 9, Enter: 13 };
      const event = { key, code: key, windowsVirtualKeyCode: codes[key], ...(key === 'Enter' && { text: '\r' }) };
      await send('Input.dispatchKeyEvent', { type: 'keyDown', ...event });
      await send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
    },
    picture: async () => {
      const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
      return Buffer.from(data, 'base64');
    },
  };
}
