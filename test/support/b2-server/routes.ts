/** What a request's path asks for. */
export type Route =
  | { readonly kind: 'authorize'; readonly operation: string; readonly apiVersion: number }
  | { readonly kind: 'json'; readonly operation: string; readonly apiVersion: number }
  | {
      readonly kind: 'upload';
      readonly operation: string;
      readonly apiVersion: number;
      readonly fileId: string | undefined;
    }
  | { readonly kind: 'download-by-id'; readonly operation: string; readonly apiVersion: number }
  | {
      readonly kind: 'download-by-name';
      readonly operation: string;
      readonly apiVersion: number;
      readonly rest: string;
    }
  | { readonly kind: 'control'; readonly rest: string }
  | { readonly kind: 'unknown' };

/** `path` without its query, still percent-encoded. */
export function routeOf(path: string): Route {
  if (path.startsWith('/control/')) return { kind: 'control', rest: path.slice('/control/'.length) };
  if (path.startsWith('/file/')) {
    return {
      kind: 'download-by-name',
      operation: 'b2_download_file_by_name',
      apiVersion: 0,
      rest: path.slice('/file/'.length),
    };
  }
  const match = /^\/b2api\/v([1-4])\/(b2_[a-z_]+)(\/.*)?$/.exec(path);
  if (match === null) return { kind: 'unknown' };
  const [, version, operation = '', rest] = match;
  const apiVersion = Number(version);
  if (operation === 'b2_upload_file' || operation === 'b2_upload_part') {
    const fileId = operation === 'b2_upload_part' ? rest?.split('/')[1] : undefined;
    return { kind: 'upload', operation, apiVersion, fileId };
  }
  if (rest !== undefined) return { kind: 'unknown' };
  if (operation === 'b2_authorize_account') return { kind: 'authorize', operation, apiVersion };
  if (operation === 'b2_download_file_by_id') return { kind: 'download-by-id', operation, apiVersion };
  return { kind: 'json', operation, apiVersion };
}
