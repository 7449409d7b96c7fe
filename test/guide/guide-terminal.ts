/** A terminal in the sandbox in which a person follows the guide, section by section, with variables that live on between them. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SandboxOptions } from '../../src/sandbox/start.ts';
import { gatewayForward } from '../support/gateway-forward.ts';
import { openTerminal, type Ran, type Terminal } from '../support/sandbox-cli.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export type Section =
  | '0-discover'
  | '1-buckets'
  | '2-identity'
  | '3-namespace'
  | '4-login'
  | '5-loki-values'
  | '6-loki'
  | '7-alloy-values'
  | '8-alloy'
  | '9-look';

export interface Followed extends Ran {
  /** Commands that ended in failure and were not told to be let off, as bash names them. */
  readonly failed: readonly string[];
}

export interface Answered {
  readonly status: number;
  readonly body: string;
}

export interface GuideTerminal extends Pick<Terminal, 'sandbox' | 'close'> {
  /** The commands of one section of the guide. */
  follow(section: Section): Promise<Followed>;
  /** Anything else, in the same terminal. */
  type(text: string): Promise<Followed>;
  /** What a command prints, without the newline at its end. Throws what it complains of when it fails. */
  ask(text: string): Promise<string>;
  /** The same, read as JSON. */
  read(text: string): Promise<any>;
  /** A request of Loki through a port-forward of the gateway; `words` are more of curl's. */
  loki(path: string, words?: string): Promise<Answered>;
}

export async function openGuide(options: Partial<SandboxOptions> = {}): Promise<GuideTerminal> {
  const { sandbox, shell, folder, close } = await openTerminal(options);
  const env = { GUIDE_PASSWORD: 'loki' };
  if ((await shell('aws --version')).exit !== 0) {
    await close();
    throw new Error('the guide is followed with the aws command line, which is not on PATH: pip install awscli provides it');
  }
  const type = async (text: string): Promise<Followed> => {
    const ran = await shell(
      `. ./environment 2>/dev/null; PATH='${here('shims')}':$PATH
       set -E; trap 'echo "$BASH_COMMAND" >> failed' ERR
       ${text}
       code=$?; trap - ERR; export -p > environment; exit $code`,
      { env },
    );
    const failed = (await readFile(join(folder, 'failed'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
    await rm(join(folder, 'failed'), { force: true });
    return { ...ran, failed };
  };
  const ask = async (text: string): Promise<string> => {
    const { exit, stdout, stderr } = await type(text);
    if (exit !== 0) throw new Error(`${text}\n${stderr}`);
    return stdout.trimEnd();
  };
  return {
    sandbox,
    close,
    type,
    follow: (section) => type(`. '${here(`commands/${section}.sh`)}'`),
    ask,
    read: async (text) => JSON.parse(await ask(text)) as unknown,
    loki: async (path, words = '') => {
      const text = await ask(`${gatewayForward} curl --silent --show-error --get --write-out '\\n%{http_code}' ${words} http://127.0.0.1:$port${path}`);
      const end = text.lastIndexOf('\n');
      return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
    },
  };
}
