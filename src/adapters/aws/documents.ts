/** Policy documents as IAM and S3 return them. */
import type { Json } from '../../engine/types.ts';

/**
 * IAM's documents are URL-encoded JSON; some endpoints return them raw. Anything else is returned as a string,
 * so that a comparison reports a difference instead of failing on a foreign document.
 */
export function readDocument(text: string): Json {
  for (const read of [(raw: string) => raw, decodeURIComponent]) {
    try {
      return JSON.parse(read(text)) as Json;
    } catch {
      // The next format, or none.
    }
  }
  return text;
}
