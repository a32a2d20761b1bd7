/** Seals the texts of many grants, which are counted from 0, and opens them. */
export interface Vault {
  seal(text: string, grant: number): Promise<string>
  open(sealed: string, grant: number): Promise<string>
}
