/** IAM pagination. */

/** All pages of a listing; a page that is `undefined` (the listed resource is gone) ends it. */
export async function everyPage<P extends { readonly IsTruncated?: boolean; readonly Marker?: string }>(
  read: (marker: string | undefined) => Promise<P | undefined>,
): Promise<readonly P[]> {
  const pages: P[] = [];
  let marker: string | undefined;
  do {
    const page = await read(marker);
    if (page === undefined) break;
    pages.push(page);
    marker = page.IsTruncated === true ? page.Marker : undefined;
  } while (marker !== undefined);
  return pages;
}
