/** TypeORM over the application's own pool. Loaded lazily by `database.ts`, together with the entities. */
import pg from 'pg';
import { DataSource } from 'typeorm';
import type { BoundedPool } from './bounded-pool.ts';
import { ENTITIES } from './entities/index.ts';

export async function openDataSource(pool: BoundedPool): Promise<DataSource> {
  const dataSource = new DataSource({
    type: 'postgres',
    entities: [...ENTITIES],
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    logging: false,
    // TypeORM makes its pool with `new driver.Pool()`: handing it ours keeps one pool, one limit and one place for errors.
    driver: { ...pg, Pool: borrowed(pool) },
  });
  return dataSource.initialize();
}

function borrowed(pool: BoundedPool): new () => BoundedPool {
  return function PoolOfDatabase() {
    return pool;
  } as unknown as new () => BoundedPool;
}
