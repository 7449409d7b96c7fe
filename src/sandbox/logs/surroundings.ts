/** What the processes of the log path are given: the log path's own parts, plus files and network. */
import type { LogPathParts } from '../types.ts';
import type { Network } from './network.ts';
import type { NodeFiles } from './node-files.ts';
import type { PodsByNode } from './pods-by-node.ts';

export interface LogSurroundings extends LogPathParts {
  readonly files: NodeFiles;
  readonly network: Network;
  readonly pods: PodsByNode;
}
