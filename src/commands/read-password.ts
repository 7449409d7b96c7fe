/** The gateway's password, given by the user in a file or on stdin. */
import { problem, stop } from '../problems/problem.ts';
import type { RunContext } from '../deps.ts';

/** A generated one has 32. */
const LEAST = 16;
/** The crypt of nginx's image accepts no more bytes. */
const MOST_BYTES = 256;

/** The first line of the file, so that an editor's trailing newline is not part of the password. `undefined` without a file. */
export async function readPassword({ settings, deps, emit }: Pick<RunContext, 'settings' | 'deps' | 'emit'>): Promise<string | undefined> {
  const { passwordFile, gatewayUser } = settings;
  if (passwordFile === undefined) return undefined;
  const named = passwordFile === '-' ? 'stdin' : passwordFile;
  const text = await deps.files.read(passwordFile);
  const password = (text.startsWith('\ufeff') ? text.slice(1) : text).split(/\r?\n/)[0] ?? '';
  const refuse = (why: string) => stop('PASSWORD_UNUSABLE', { message: `passwordFile ${named}: ${why}` });
  if (password.trim() === '') throw refuse(text.trim() === '' ? 'it is empty' : 'its first line is empty');
  deps.hide(password);
  // nginx and HTTP headers get it in base64, together with the user name.
  deps.hide(`${gatewayUser}:${password}`);
  if (/\p{Cc}/u.test(password)) throw refuse('its first line contains a control character');
  if (Buffer.byteLength(password) > MOST_BYTES) throw refuse(`its first line has ${Buffer.byteLength(password)} bytes; the limit is ${MOST_BYTES}`);
  if ([...password].length < LEAST) {
    const message = `passwordFile ${named}: the password has ${[...password].length} characters, fewer than ${LEAST}`;
    emit({ type: 'warning.raised', problem: problem('PASSWORD_SHORT', { message }) });
  }
  const open = passwordFile === '-' ? undefined : openTo(await deps.files.mode(passwordFile));
  if (open !== undefined) {
    const message = `passwordFile ${named}: ${open} it`;
    emit({ type: 'warning.raised', problem: problem('PASSWORD_FILE_PERMISSIONS', { message, fix: `Run \`chmod 600 ${named}\`` }) });
  }
  return password;
}

/** Who besides its owner has access to a file with a secret. */
function openTo(mode: number | undefined): string | undefined {
  if (mode === undefined) return undefined;
  if ((mode & 0o002) !== 0) return 'every user of this machine can write';
  if ((mode & 0o020) !== 0) return 'its group can write';
  return (mode & 0o004) === 0 ? undefined : 'every user of this machine can read';
}
