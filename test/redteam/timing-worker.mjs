/** Times patterns on texts that grow, in a thread that can be ended while a pattern runs. */
import { parentPort, workerData } from 'node:worker_threads';

const { place, lengths, mostMs } = workerData;
const at = new Int32Array(place);

parentPort.on('message', ({ source, flags, texts }) => {
  const pattern = new RegExp(source, `${flags.replace('g', '')}g`);
  // From every place of the text on, as replace, matchAll and split do it; a sticky one where it is put.
  const timeOf = (text) => {
    const began = performance.now();
    text.replace(pattern, '');
    return performance.now() - began;
  };
  for (const [index, { before, pump, after }] of texts.entries()) {
    let last = { length: 1, ms: 0 };
    for (const length of lengths) {
      // What is quadratic at worst and was this fast before can't become too slow.
      if (last.ms * (length / last.length) ** 2 < mostMs / 3 && length === lengths.at(-1)) continue;
      at[0] = index;
      at[1] = length;
      const text = before + pump.repeat(Math.ceil(length / pump.length)) + after;
      let best = timeOf(text);
      // Others have the machine too: the best of three is the pattern's own.
      for (let again = 0; again < 2 && best > mostMs; again += 1) best = Math.min(best, timeOf(text));
      if (best > mostMs) return parentPort.postMessage({ index, length, ms: Math.round(best) });
      last = { length, ms: best };
    }
  }
  return parentPort.postMessage({});
});
