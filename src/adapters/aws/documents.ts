/** Policy documents as IAM and S3 hand them out. */
import type { Json } from '../../engine/types.ts';

/**
 * IAM's documents are URL-encoded JSON; some endpoints give them raw. What is neither is given back as the text it is,
 * so that a comparison says "differs" instead of dying on somebody else's document.
 */
export function readDocument(text: string): Json {
  for (const read of [(raw: string) => raw, decodeURIComponent]) {
    try {
      return JSON.parse(read(text)) as Json;
    } catch {
      // The next reading, or none.
    }
  }
  return text;
}
