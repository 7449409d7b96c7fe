/** Problems of the area "loki". */
import { rows } from '../row.ts';

export const loki = rows({
  LINE_NOT_FOUND: {
    title: 'A line that a pod printed did not come back',
    cause: 'The log path is broken somewhere between the node and the query.',
    fix: 'loki-eks status',
    exit: 6,
    explain: 'A short-lived pod printed a unique line; it was not found through the gateway within the time allowed.',
  },
});
