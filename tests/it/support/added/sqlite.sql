CREATE TABLE authors (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    draft_id BIGINT REFERENCES authors (id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT,
    revision BIGINT NOT NULL DEFAULT 0,
    name TEXT
);

CREATE UNIQUE INDEX authors_drafts ON authors (document_id) WHERE draft_id IS NULL;
CREATE UNIQUE INDEX authors_published ON authors (document_id) WHERE draft_id IS NOT NULL;
CREATE UNIQUE INDEX authors_by_draft ON authors (draft_id) WHERE draft_id IS NOT NULL;

CREATE TABLE articles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    draft_id BIGINT REFERENCES articles (id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT,
    revision BIGINT NOT NULL DEFAULT 0,
    title TEXT,
    slug TEXT,
    access TEXT,
    access_mask TEXT
);

CREATE UNIQUE INDEX articles_drafts ON articles (document_id) WHERE draft_id IS NULL;
CREATE UNIQUE INDEX articles_published ON articles (document_id) WHERE draft_id IS NOT NULL;
CREATE UNIQUE INDEX articles_by_draft ON articles (draft_id) WHERE draft_id IS NOT NULL;

CREATE TABLE article_authors (
    article_id BIGINT NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    published BOOLEAN NOT NULL,
    author_id BIGINT NOT NULL REFERENCES authors (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    inverse_position BIGINT NOT NULL,
    PRIMARY KEY (article_id, published, author_id)
) WITHOUT ROWID;
CREATE INDEX article_authors_by_author ON article_authors (author_id, published, inverse_position);

CREATE TABLE sections (
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    heading TEXT,
    PRIMARY KEY (owner_field, owner_id, id)
) WITHOUT ROWID;

-- Items in items: `parent_id` is the section, `owner_id` the version of the article.
CREATE TABLE notes (
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    parent_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    text TEXT,
    key TEXT,
    key_mask TEXT,
    PRIMARY KEY (owner_field, owner_id, id)
) WITHOUT ROWID;
CREATE INDEX notes_by_parent ON notes (owner_field, parent_id);
