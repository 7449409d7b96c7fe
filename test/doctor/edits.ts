/** Breaking things by hand, as people do: one object changed through kubectl, and put back. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Terminal } from '../support/sandbox-cli.ts';
import { does } from './patient.ts';

type Body = { metadata: Record<string, unknown>; [field: string]: any };

/** `configmap/loki -n loki`, changed; what is returned puts it back as it was. */
export async function edit(terminal: Terminal, object: string, change: (body: Body) => void): Promise<() => Promise<void>> {
  const read = async (): Promise<Body> => {
    const body = JSON.parse(await does(terminal, `kubectl get ${object} -o json`)) as Body;
    for (const field of ['resourceVersion', 'uid', 'creationTimestamp', 'generation', 'managedFields']) delete body.metadata[field];
    delete body['status'];
    return body;
  };
  const write = async (body: Body): Promise<void> => {
    await writeFile(join(terminal.folder, 'edited.json'), JSON.stringify(body));
    await does(terminal, 'kubectl replace -f edited.json');
  };
  const before = await read();
  const after = structuredClone(before);
  change(after);
  await write(after);
  return () => write(before);
}

/** One text of a ConfigMap, changed. */
export const editText = (terminal: Terminal, object: string, { key, change }: { readonly key: string; readonly change: (text: string) => string }) =>
  edit(terminal, object, (body) => {
    const text = body['data'][key] as string;
    const changed = change(text);
    if (changed === text) throw new Error(`nothing to change in ${object}: ${text}`);
    body['data'][key] = changed;
  });

export const restart = (terminal: Terminal, workload: string): Promise<string> => does(terminal, `kubectl rollout restart ${workload}`);
