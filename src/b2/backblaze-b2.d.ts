/** The part of the package `backblaze-b2` 1.7 that `control-plane.ts` uses; it ships no types. */
declare module 'backblaze-b2' {
  export interface AxiosConfig {
    url: string;
    method?: string;
    /** Already serialized by axios when an adapter sees it. */
    data?: string;
    headers: { toJSON(): Record<string, string> };
  }
  export interface AxiosReply {
    data: unknown;
    status: number;
    statusText: string;
    headers: object;
    config: AxiosConfig;
  }
  export interface PerCall {
    /** Merged below what the package sets. */
    axios?: { adapter: (config: AxiosConfig) => Promise<AxiosReply> };
    /** Merged over what the package sets. */
    axiosOverride?: { data?: object };
  }
  type Call = (args: PerCall & Record<string, unknown>) => Promise<AxiosReply>;
  export default class B2 {
    constructor(options: { applicationKeyId: string; applicationKey: string; retry?: { retries: number } });
    accountId: string | null;
    authorizationToken: string | null;
    apiUrl: string | null;
    downloadUrl: string | null;
    createBucket: Call;
    getBucket: Call;
    updateBucket: Call;
    getUploadUrl: Call;
    startLargeFile: Call;
    getUploadPartUrl: Call;
    finishLargeFile: Call;
    cancelLargeFile: Call;
    listParts: Call;
    listFileVersions: Call;
    getFileInfo: Call;
    deleteFileVersion: Call;
    getDownloadAuthorization: Call;
  }
}
