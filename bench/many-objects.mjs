/** The listings and deletes of a bucket of any number of objects, made up as they are asked for: what holds none of them can have a million. */

const perStream = 400;
const keyOf = (at) =>
  `fake/${Math.floor(at / perStream)
    .toString(16)
    .padStart(6, '0')}/19a8b3c01:19a8b3d02:${String(at).padStart(8, '0')}`;
const encoded = (key) => encodeURIComponent(key).replaceAll('%2F', '/');
const page = 1000;

/** For `openGate`: answers what is asked of `bucket`, as S3 does. */
export function manyObjects(bucket, count) {
  const gone = new Uint8Array(count);
  let deleted = 0;
  const listing = (query) => {
    const [after, prefix, folders] = [query.get('key-marker') ?? '', query.get('prefix') ?? '', query.has('delimiter')];
    const rows = [];
    let last = '';
    let at = firstAfter(after, count);
    while (at < count && rows.length < page) {
      if (gone[at]) at += 1;
      else if (folders) {
        last = prefix === '' ? 'fake/' : keyOf(at).slice(0, 'fake/000000/'.length);
        rows.push(`<CommonPrefixes><Prefix>${encoded(last)}</Prefix></CommonPrefixes>`);
        at = prefix === '' ? count : (Math.floor(at / perStream) + 1) * perStream;
      } else {
        last = keyOf(at);
        at += 1;
        rows.push(
          `<Version><Key>${encoded(last)}</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>16</Size><StorageClass>STANDARD</StorageClass></Version>`,
        );
      }
    }
    while (at < count && gone[at]) at += 1;
    const more = at < count;
    return `<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${more ? `<NextKeyMarker>${encoded(last)}</NextKeyMarker>` : ''}${rows.join('')}</ListVersionsResult>`;
  };
  const answer = (method, { pathname, searchParams: query }, body) => {
    // When all of these are gone, what Loki itself has written is listed and deleted where it is.
    if (!pathname.startsWith(`/${bucket}`) || deleted === count) return undefined;
    if (method === 'GET' && query.has('versions')) return listing(query);
    if (method !== 'POST' || !query.has('delete')) return undefined;
    for (const [, at] of body.toString().matchAll(/:(\d{8})<\/Key>/g)) {
      if (!gone[Number(at)]) deleted += 1;
      gone[Number(at)] = 1;
    }
    return '<DeleteResult/>';
  };
  return { answer, left: () => count - deleted };
}

function firstAfter(key, count) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(middle) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
