//! What the storefronts of Markket ask for, and what they read of the answers: its site, its phone application, and the
//! loaders with which other sites are built.

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A visitor's browser, or a site's server without a token.
    Anyone,
    /// Someone who has signed in, for whom a read-only token stands here.
    Reader,
}

/// A request and what is read of its answer; see [`super::reads::unread`].
pub struct Request {
    pub who: Who,
    /// `{store}` stands for the documentId of the store `next`, `{number}` for its number.
    pub path: &'static str,
    pub reads: &'static str,
}

const fn anyone(path: &'static str, reads: &'static str) -> Request {
    Request { who: Who::Anyone, path, reads }
}

const fn reader(path: &'static str, reads: &'static str) -> Request {
    Request { who: Who::Reader, path, reads }
}

/// A store on the site.
const STORE: &str =
    "data[].{id,documentId,title,slug,active,Description,createdAt,updatedAt,publishedAt,STRIPE_CUSTOMER_ID}
    data[].SEO.{metaTitle,metaDescription,metaKeywords,metaAuthor,metaUrl,metaDate,excludeFromSearch,socialImage}
    data[].{Logo,Favicon} data[].URLS[].{id,Label,URL}";
/// The same with all its pictures, and with the people who keep it: there are none here.
const STORE_AND_KEEPERS: &str = "data[].{id,documentId,title,slug,active,STRIPE_CUSTOMER_ID,publishedAt}
    data[].SEO.{metaTitle,socialImage} data[].{Logo,Favicon,Cover,Slides} data[].URLS[].{id,Label,URL} data[].users[]";
/// A store on the phone.
const PHONE_STORE: &str = "data[].{id,documentId,title,slug,Description,updatedAt,active}";
const PHONE_STORE_WITH_LINKS: &str =
    "data[].{id,documentId,title,slug,Description,updatedAt,active} data[].URLS[].{Label,URL}";
const PHONE_STORE_WITH_LOGO: &str =
    "data[].{id,documentId,title,slug,Description,updatedAt,active,Logo} data[].URLS[].{Label,URL}";
/// A product on the site. It looks for `PRICES[].count` too, which no server has had for long.
const PRODUCT: &str =
    "data[].{id,documentId,Name,slug,Description,usd_price,quantity,SKU,active,createdAt,updatedAt,publishedAt}
    data[].PRICES[].{id,Name,Price,Currency,STRIPE_ID,Description,hidden,inventory,ships_to}
    data[].SEO.{metaTitle,metaDescription,metaUrl,socialImage} data[].{Thumbnail,Slides}
    data[].stores[].{id,documentId,slug,title}";
/// A product on the phone.
const PHONE_PRODUCT: &str = "data[].{id,documentId,Name,slug,Description,SKU,usd_price,updatedAt,Thumbnail,Slides}
    data[].PRICES[].{id,Name,Price,Currency,STRIPE_ID,inventory,hidden,ships_to} data[].SEO.socialImage";
const PAGES: &str = "meta.pagination.{page,pageSize,pageCount,total}";
const CAPPED: &str = "data[].{id,documentId,updatedAt,publishedAt} meta.warnings[].message";
const VISIBILITY: &str = "data.{show_blog,show_events,show_shop,show_about,show_newsletter,show_home}
    data.{has_upcoming_events,has_events}
    data.content_summary.{articles_count,products_count,events_count,upcoming_events_count,pages_count}
    data.magic_pages_detected[] data.settings_overrides[]
    summary.{enabled_sections,disabled_sections,explicit_overrides,content_signals,generated_at}";

pub const REQUESTS: &[Request] = &[
    // Stores, on the site.
    anyone(
        "/api/stores?filters[slug]=next&populate%5B%5D=Logo&populate%5B%5D=SEO&populate%5B%5D=SEO.socialImage&populate%5B%5D=Favicon&populate%5B%5D=URLS&populate%5B%5D=Cover&populate%5B%5D=Slides",
        STORE,
    ),
    anyone(
        "/api/stores?filters[slug]=dev&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Favicon&populate[]=URLS&populate[]=Cover",
        STORE,
    ),
    anyone(
        "/api/stores?filters[active][$eq]=true&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Favicon&populate[]=URLS&pagination[page]=1&pagination[pageSize]=12&sort=updatedAt%3Adesc",
        STORE,
    ),
    anyone(
        "/api/stores?filters[active][$eq]=true&populate[]=Logo&populate[]=SEO&pagination[page]=1&pagination[pageSize]=12&sort=updatedAt:desc",
        PAGES,
    ),
    anyone(
        "/api/stores?filters[active][$eq]=true&populate[]=URLS&pagination[page]=1&pagination[pageSize]=120&sort=updatedAt%3Adesc",
        CAPPED,
    ),
    anyone(
        "/api/stores?filters[slug][$eq]=next&status=published&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Favicon&populate[]=URLS&populate[]=Cover&populate[]=Slides&populate[]=users&populate[]=users.avatar&pagination[page]=1&pagination[pageSize]=1",
        STORE_AND_KEEPERS,
    ),
    reader(
        "/api/stores?filters[slug][$eq]=next&status=draft&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Favicon&populate[]=URLS&populate[]=Cover&populate[]=Slides&populate[]=users&populate[]=users.avatar&pagination[page]=1&pagination[pageSize]=1",
        STORE_AND_KEEPERS,
    ),
    anyone(
        "/api/stores?filters[documentId][$eq]={store}&status=published&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Favicon&populate[]=URLS&populate[]=Cover&populate[]=Slides&pagination[page]=1&pagination[pageSize]=1",
        STORE,
    ),
    anyone(
        "/api/stores?filters[slug][$eq]=next&status=all&populate[]=Logo&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Favicon&populate[]=URLS&populate[]=Cover&populate[]=Slides&pagination[page]=1&pagination[pageSize]=1",
        "data[].{id,documentId,slug}",
    ),
    reader(
        "/api/stores?filters[users][id][$eq]=7&pagination[page]=1&pagination[pageSize]=200&fields[0]=id&fields[1]=documentId",
        "data[] meta.warnings[].message",
    ),
    reader(
        "/api/stores?filters[$or][0][id][$eq]=-1&filters[$or][1][documentId][$eq]={store}&fields[0]=id&fields[1]=documentId&populate[users][fields][0]=id&populate[users][fields][1]=documentId&pagination[page]=1&pagination[pageSize]=1",
        "data[].{id,documentId} data[].users[]",
    ),
    anyone("/api/stores/{store}/visibility", VISIBILITY),
    reader("/api/stores/next/visibility", VISIBILITY),
    anyone(
        "/api/stores/next/info",
        "data[].{id,documentId,title,slug,settings,Logo,Favicon,Cover} data[].SEO.{metaTitle,socialImage} data[].URLS[].URL",
    ),
    // Products, on the site.
    anyone(
        "/api/products?filters[stores][slug][$eq]=next&filters[slug][$eq]=a-product&populate%5B%5D=SEO.socialImage&populate%5B%5D=Thumbnail&populate%5B%5D=Slides&populate%5B%5D=PRICES&populate%5B%5D=stores&populate%5B%5D=extras",
        PRODUCT,
    ),
    anyone(
        "/api/products?filters[stores][slug][$eq]=next&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=PRICES&populate[]=extras",
        "data[].extras[]",
    ),
    anyone(
        "/api/products?filters[stores][slug][$eq]=next&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=Slides&populate[]=PRICES&populate[]=stores&pagination[page]=1&pagination[pageSize]=6&sort=updatedAt:desc",
        PRODUCT,
    ),
    anyone(
        "/api/products?filters[stores][slug][$eq]=next&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=Slides&populate[]=PRICES&populate[]=stores&pagination[page]=1&pagination[pageSize]=50&sort=createdAt:desc",
        PRODUCT,
    ),
    anyone(
        "/api/products?filters[stores][slug][$eq]=next&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=Slides&populate[]=PRICES&populate[]=stores&pagination[page]=1&pagination[pageSize]=100",
        PRODUCT,
    ),
    anyone(
        "/api/products?&status=published&populate[]=SEO&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=Slides&populate[]=PRICES&populate[]=stores&populate[]=stores.Logo&pagination[page]=1&pagination[pageSize]=240&sort=updatedAt:desc",
        PRODUCT,
    ),
    anyone(
        "/api/products?&status=published&populate[]=stores&populate[]=stores.Logo&pagination[page]=1&pagination[pageSize]=240",
        CAPPED,
    ),
    anyone("/api/products?filters[stores][id][$eq]={number}&pagination[limit]=1", "data[].id meta.pagination.total"),
    reader(
        "/api/products?filters[stores][$eq]={number}&populate[]=SEO&populate[]=SEO.socialImage&sort=updatedAt:desc",
        "data[].{id,documentId,Name,slug,updatedAt,publishedAt} data[].SEO.metaTitle",
    ),
    // Loaders of sites that are built.
    anyone(
        "/api/stores?populate=SEO&populate%5B1%5D=SEO.socialImage&populate=Logo&populate=URLS&populate=Favicon&populate=Cover&filters%5Bslug%5D%5B%24eq%5D=fika&pagination%5Blimit%5D=25&sort=updatedAt%3Adesc",
        STORE,
    ),
    anyone(
        "/api/stores?populate=SEO&populate[1]=SEO.socialImage&populate=Logo&populate=URLS&populate=Favicon&filters[active]=true&pagination[limit]=25&sort=updatedAt%3Adesc",
        STORE,
    ),
    anyone(
        "/api/products?populate=SEO&populate=SEO&populate[2]=SEO.socialImage&populate=Thumbnail&populate=Slides&populate=PRICES&filters[stores][slug][$eq]=fika&pagination[limit]=25&sort=updatedAt%3Adesc",
        PHONE_PRODUCT,
    ),
    anyone("/get-strapi-schema/schema/store", "attributes.title.type attributes.slug.type attributes.URLS.type"),
    anyone("/get-strapi-schema/schema/product", "attributes.Name.type attributes.PRICES.type attributes.stores.type"),
    // The phone.
    anyone(
        "/api/stores?populate[]=Logo&populate[]=URLS&sort[0]=updatedAt%3Adesc&pagination[pageSize]=20&filters[$or][0][title][$containsi]=NEX&filters[$or][1][slug][$containsi]=NEX&pagination[page]=1",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone(
        "/api/stores?populate[]=Logo&populate[]=URLS&sort[0]=updatedAt:desc&pagination[pageSize]=20&filters[$or][0][title][$containsi]=cafe&filters[$or][1][slug][$containsi]=cafe&pagination[page]=2",
        "data[] meta.pagination.{page,pageSize,pageCount,total}",
    ),
    anyone(
        "/api/stores?filters[slug][$eq]=next&populate[]=Logo&populate[]=URLS&pagination[pageSize]=1",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone("/api/stores?filters[slug][$eq]=next&pagination[pageSize]=1", PHONE_STORE),
    anyone(
        "/api/stores?filters[slug][$eq]=next&pagination[pageSize]=1&populate[]=URLS&populate[]=logo",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone(
        "/api/stores?filters[slug][$eq]=next&pagination[pageSize]=1&populate[]=URLS&populate=*",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone("/api/stores?filters[slug][$eq]=next&pagination[pageSize]=1&populate[]=URLS", PHONE_STORE_WITH_LINKS),
    anyone(
        "/api/stores?filters[slug]=next&pagination[pageSize]=1&populate[]=URLS&populate[]=Logo",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone(
        "/api/stores?filters[slug]=next&pagination[pageSize]=1&populate[]=URLS&populate[]=logo",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone("/api/stores?filters[slug]=next&pagination[pageSize]=1&populate[]=URLS&populate=*", PHONE_STORE_WITH_LOGO),
    anyone("/api/stores?filters[slug]=next&pagination[pageSize]=1&populate[]=URLS", PHONE_STORE_WITH_LINKS),
    anyone(
        "/api/stores?filter[slug][$eq]=next&pagination[pageSize]=1&populate[]=URLS&populate[]=Logo",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone(
        "/api/stores?filter[slug][$eq]=next&pagination[pageSize]=1&populate[]=URLS&populate[]=logo",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone(
        "/api/stores?filter[slug][$eq]=next&pagination[pageSize]=1&populate[]=URLS&populate=*",
        PHONE_STORE_WITH_LOGO,
    ),
    anyone("/api/stores?filter[slug][$eq]=next&pagination[pageSize]=1", PHONE_STORE),
    anyone(
        "/api/stores?filter[slug]=next&field[]=title&field[]=slug&pagination[pageSize]=1",
        "data[].{title,slug} meta.warnings[].message",
    ),
    anyone(
        "/api/products?sort[0]=updatedAt:desc&populate[]=PRICES&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=Slides&populate[]=stores&pagination[pageSize]=8",
        PHONE_PRODUCT,
    ),
    anyone(
        "/api/products?filters[stores][slug][$eq]=next&sort[0]=updatedAt:desc&pagination[pageSize]=12&populate[]=SEO.socialImage&populate[]=Thumbnail&populate[]=Slides&populate[]=PRICES",
        PHONE_PRODUCT,
    ),
    anyone(
        "/api/products?filters%5Bslug%5D%5B%24eq%5D=a-product&filters%5Bstores%5D%5Bslug%5D%5B%24eq%5D=next&pagination%5BpageSize%5D=20&sort%5B0%5D=updatedAt%3Adesc&populate%5B%5D=PRICES&populate%5B%5D=SEO.socialImage&populate%5B%5D=Thumbnail&populate%5B%5D=Slides&populate%5B%5D=stores",
        PRODUCT,
    ),
];
