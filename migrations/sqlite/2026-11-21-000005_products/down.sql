DROP TABLE product_stores;
DROP TABLE products;
