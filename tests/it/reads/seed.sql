INSERT INTO stores (id, draft_id, document_id, created_at, updated_at, published_at, title, slug, active, description, settings)
VALUES (1, NULL, 'acmeacmeacmeacmeacmeacme', 1000, 1000, NULL, 'Acme draft', 'acme', TRUE, NULL, NULL),
       (2, 1, 'acmeacmeacmeacmeacmeacme', 1000, 1000, 2000, 'Acme Supply', 'acme', TRUE, NULL, '{"a": [1, 2.50]}'),
       (3, NULL, 'limalimalimalimalimalima', 1000, 5000, NULL, 'Lima', 'lima', FALSE, 'Äpfel', NULL),
       (4, 3, 'limalimalimalimalimalima', 1000, 1000, 2000, 'Lima', 'lima', FALSE, 'Äpfel', NULL),
       (5, NULL, 'romeoromeoromeoromeorome', 1000, 1000, NULL, 'Romeo', 'romeo', TRUE, NULL, NULL);
INSERT INTO products (id, draft_id, document_id, created_at, updated_at, published_at, name, slug, usd_price, quantity, active)
VALUES (1, NULL, 'appleappleappleappleappl', 1000, 1000, NULL, 'apple', 'apple', '2', 10, TRUE),
       (2, 1, 'appleappleappleappleappl', 1000, 1000, 2000, 'apple', 'apple', '2', 10, TRUE),
       (3, NULL, 'breadbreadbreadbreadbrea', 1000, 1000, NULL, 'Bread', 'bread', '12.5', 25, FALSE),
       (4, 3, 'breadbreadbreadbreadbrea', 1000, 1000, 2000, 'Bread', 'bread', '12.5', 25, FALSE),
       (5, NULL, 'cheesecheesecheesechees1', 1000, 1000, NULL, 'ÉCLAIR 100%', 'eclair', NULL, NULL, NULL),
       (6, 5, 'cheesecheesecheesechees1', 1000, 1000, 2000, 'ÉCLAIR 100%', 'eclair', NULL, NULL, NULL),
       (7, NULL, 'draftdraftdraftdraftdraf', 1000, 1000, NULL, 'Draft', 'draft', '100', 0, NULL);
INSERT INTO product_stores (product_id, published, store_id, position, inverse_position)
VALUES (1, FALSE, 3, 1, 1), (1, FALSE, 1, 2, 2), (1, TRUE, 3, 1, 1), (1, TRUE, 1, 2, 2),
       (3, FALSE, 1, 1, 1), (3, FALSE, 5, 2, 1), (3, TRUE, 1, 1, 1), (3, TRUE, 5, 2, 1);
INSERT INTO prices (owner_field, owner_id, id, position, name, price, currency, hidden, extra)
VALUES ('product.PRICES', 1, 11, 1, 'Small', '9.5', 'EUR', FALSE, '{}'),
       ('product.PRICES', 2, 11, 2, 'Small', '9.5', 'EUR', FALSE, '{}'),
       ('product.PRICES', 2, 12, 1, 'Large', '100', 'USD', TRUE, '{"w":1}'),
       ('product.PRICES', 4, 13, 1, 'Loaf', '9.75', 'EUR', FALSE, '{}');
INSERT INTO seos (owner_field, owner_id, id, position, meta_title)
VALUES ('product.SEO', 2, 20, 1, 'Buy apples');
INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, credentials, credentials_mask, active, run_count, removed_at)
VALUES (30, 'product.extensions', 1, 1, 'custom:webhook', '["trigger:product_*"]', 'sealed', '{"secret":"********"}', TRUE, 3, NULL),
       (31, 'product.extensions', 1, 2, 'custom:gone', '[]', NULL, NULL, TRUE, 0, 5000),
       (32, 'price.extensions', 11, 1, 'markket:stripe', '[]', NULL, NULL, FALSE, 7, NULL),
       (33, 'store.extensions', 1, 1, 'posthog:track', '[]', NULL, NULL, TRUE, 0, NULL);
INSERT INTO subscribers (id, draft_id, document_id, created_at, updated_at, published_at, email, active, newsletter_preferences, sync_status)
VALUES (1, NULL, 'anaanaanaanaanaanaanaana', 1000, 1000, NULL, 'Ana@example.com', TRUE, '{"frequency":"weekly"}', 'pending'),
       (2, 1, 'anaanaanaanaanaanaanaana', 1000, 1000, 1767323045006, 'Ana@example.com', TRUE, '{"frequency":"weekly"}', 'pending');
INSERT INTO subscriber_stores (subscriber_id, published, store_id, position, inverse_position)
VALUES (1, TRUE, 1, 1, 1), (1, FALSE, 1, 1, 1);
