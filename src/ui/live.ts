/** The live region: listr2 draws, animates and cleans up, and runs nothing of ours. */
import { DefaultRenderer, Listr, ListrLogger, ProcessOutput, Spinner, createWritable } from 'listr2';

export interface LiveRegion {
  /** Takes the region down, leaving its final state; resolves when others may write. */
  close(): Promise<void>;
}

/** `draw` is called on every tick; `final` once, when the region is closed. */
export interface Picture {
  readonly draw: (spinner: string) => string;
  readonly final: () => string;
}

/**
 * listr2 gets a single task that only waits until it is told to finish: so it can neither skip, retry, roll back nor
 * exit on its own, and several of our rows may run at once, in any order.
 */
export function liveRegion(stream: NodeJS.WriteStream, picture: Picture): LiveRegion {
  let end = () => {};
  const over = new Promise<void>((resolve) => (end = resolve));
  const spinner = new Spinner();
  // Only our own stream is captured while the region is live: stdout stays free for results.
  const rest = createWritable((text) => void stream.write(text)) as NodeJS.WriteStream;
  const logger = new ListrLogger({ useIcons: false, processOutput: new ProcessOutput(stream, rest, { leaveEmptyLine: false }) });
  const run = new Listr([{ task: () => over }], {
    registerSignalListeners: false,
    exitOnError: false,
    forceTTY: true,
    renderer: rendererOf(picture, spinner),
    rendererOptions: { logger, spinner },
  }).run();
  return {
    close: async () => {
      end();
      await run;
    },
  };
}

function rendererOf(picture: Picture, spinner: Spinner) {
  return class extends DefaultRenderer {
    /** The base class passes options only for the last frame. */
    override create(options?: object): string {
      return options ? picture.final() : picture.draw(spinner.fetch());
    }
  };
}
