/** Creates folders with their parents. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Node's own `recursive` never terminates if a parent exists but reports that it does not, as in /proc and automounted folders. An existing
 * folder is fine.
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  if (await made(path, mode)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent, mode);
  if (!(await made(path, mode))) throw Object.assign(new Error(`ENOENT: ${path} can't be made`), { code: 'ENOENT' });
}

/** `false` if its parent does not exist. */
async function made(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (code === 'ENOENT') return false;
    throw error;
  }
}
