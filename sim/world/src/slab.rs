//! Things that wait in slots, so that an event can name them by a small number.

/// Things that wait in slots.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub fn new() -> Self {
        Slab { items: Vec::new(), free: Vec::new() }
    }

    pub fn put(&mut self, item: T) -> u32 {
        match self.free.pop() {
            Some(at) => {
                self.items[at as usize] = Some(item);
                at
            }
            None => {
                self.items.push(Some(item));
                self.items.len() as u32 - 1
            }
        }
    }

    pub fn any(&self, is: impl Fn(&T) -> bool) -> bool {
        self.items.iter().flatten().any(is)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }

    pub fn get(&self, at: u32) -> Option<&T> {
        self.items.get(at as usize)?.as_ref()
    }

    pub fn take(&mut self, at: u32) -> Option<T> {
        let item = self.items[at as usize].take();
        if item.is_some() {
            self.free.push(at);
        }
        item
    }
}
