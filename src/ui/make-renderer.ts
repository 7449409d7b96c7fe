/** From the requested output format to its renderer. */
import { paint } from './colour.ts';
import { json } from './json.ts';
import { plain } from './plain.ts';
import type { RendererOptions, Renderer } from './renderer.ts';

/** `tree` needs a terminal to draw on and falls back to `plain` without one. */
export async function makeRenderer(options: RendererOptions): Promise<Renderer> {
  const { output, stdout, stderr, color, now } = options;
  if (output === 'json') {
    return { sink: json((text) => void stdout.write(text), now), settled: async () => {}, close: async () => {} };
  }
  if (output === 'plain' || !stderr.isTTY) return plain(options);
  const { tree } = await import('./tree.ts');
  return tree({ stdout, stderr, now, paints: { stdout: paint(color && stdout.isTTY === true), stderr: paint(color) } });
}
