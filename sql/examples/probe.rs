use manicule_engine::Database;
use manicule_sql::Session;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (head, part, count, tail) = (&args[1], &args[2], args[3].parse::<usize>().unwrap(), &args[4]);
    let sql = format!("{head}{}{tail}", part.repeat(count));
    let stack = args.get(5).map_or(2 << 20, |s| s.parse().unwrap());
    std::thread::Builder::new()
        .stack_size(stack)
        .spawn(move || {
            let mut session = Session::new(&Database::in_memory());
            session.execute("CREATE TABLE t (a INTEGER, b TEXT)").unwrap();
            match session.execute(&sql) {
                Ok(_) => println!("ok"),
                Err(e) => println!("{}", e.to_string().chars().take(100).collect::<String>()),
            }
        })
        .unwrap()
        .join()
        .unwrap();
}
