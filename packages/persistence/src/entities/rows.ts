/** Rows of the tables TypeORM reads and writes. Plain data; nothing outside this package sees them. */
import type { WorkflowDefinition } from '@plugboard/engine';
import type { Json, JsonObject } from '@plugboard/sdk';

interface Mutable {
  /** Counts from 1; every change adds 1. */
  rev: number;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface PrincipalRow {
  id: string;
  kind: 'person' | 'service' | 'system';
  displayName: string;
  erasedAt: Date | null;
  rev: number;
  createdBy: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface PlanRow {
  key: string;
  name: string;
  /** Absent keys have no limit. */
  limits: JsonObject;
  rev: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface DataKeyRow {
  id: string;
  workspaceId: string;
  wrapped: Buffer;
  rootKeyId: string;
  createdAt: Date;
  retiredAt: Date | null;
}

export interface WorkspaceRow extends Mutable {
  id: string;
  slug: string;
  name: string;
  planKey: string;
  /** The key that encrypts new secrets. */
  dataKeyId: string | null;
  /** IANA name. */
  zone: string;
  /** Raised whenever rights inside the workspace change. */
  accessVersion: number;
  deletedAt: Date | null;
  /** Since when its keys are gone and it cannot come back. */
  purgeBeganAt: Date | null;
  /** Since when nothing of it is left but this row, which its audit entries stand on. */
  purgedAt: Date | null;
}

export interface ProjectRow extends Mutable {
  id: string;
  workspaceId: string;
  slug: string;
  name: string;
  visibility: 'workspace' | 'members';
  /** Whose private project it is. */
  ownerId: string | null;
  /** Editors may only look. */
  adminEditsOnly: boolean;
  deletedAt: Date | null;
}

export interface FolderRow extends Mutable {
  id: string;
  workspaceId: string;
  projectId: string;
  parentId: string | null;
  name: string;
}

export interface WorkflowRow extends Mutable {
  id: string;
  workspaceId: string;
  projectId: string;
  /** Null at the top of the project. */
  folderId: string | null;
  name: string;
  description: string;
  deletedAt: Date | null;
}

export interface DraftRow {
  workflowId: string;
  workspaceId: string;
  rev: number;
  doc: WorkflowDefinition;
  semanticHash: string;
  baseVersion: number | null;
  /** Who edits it now, until then. */
  holderId: string | null;
  holderUntil: Date | null;
  /** Order of parts by id, where it is not that of the lists. */
  ranks: JsonObject | null;
  /** Who asked the holder to let go, and when. */
  askedBy: string | null;
  askedAt: Date | null;
  words?: string;
  updatedBy: string;
  updatedAt: Date;
}

/** Package, version and hash behind each node type a version was published with. */
export type TypePins = JsonObject;

export interface VersionRow {
  workflowId: string;
  n: number;
  workspaceId: string;
  definition: WorkflowDefinition;
  semanticHash: string;
  typePins: TypePins;
  note: string | null;
  publishedBy: string;
  publishedAt: Date;
}

export interface EnvironmentRow {
  workspaceId: string;
  n: number;
  name: string;
}

export interface DeploymentRow {
  workflowId: string;
  environment: number;
  workspaceId: string;
  version: number;
  state: 'active' | 'paused' | 'off';
  deployedBy: string;
  deployedAt: Date;
  /** While it is paused: what comes is stored and waits. */
  holds: boolean;
}

export interface HookRow {
  id: string;
  workspaceId: string;
  workflowId: string;
  environment: number;
  nodeId: string;
  version: number;
  method: string;
  pattern: string;
  patternNorm: string;
  reply: string;
  settings: JsonObject;
  auth: JsonObject | null;
  cors: JsonObject | null;
}

export interface GenerationRow {
  kind: string;
  n: string;
}

export interface VariableRow extends Mutable {
  projectId: string;
  environment: number;
  key: string;
  workspaceId: string;
  value: Json;
}

export interface SettingRow {
  scope: 'instance' | 'workspace' | 'person';
  scopeId: string;
  key: string;
  value: Json;
  rev: number;
  updatedBy: string;
  updatedAt: Date;
}
