/** Randomness from the operating system. */
import { randomBytes } from 'node:crypto';
import type { Random } from '../../ports/system.ts';

export const systemRandom: Random = { bytes: (bytes) => new Uint8Array(randomBytes(bytes)) };
