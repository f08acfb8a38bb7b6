using DuckDB.NET.Data;

namespace PostTrainGate.Data;

/// <summary>
/// A DuckDB in memory that reaches no file but those it is given, no network and no extension, whatever a statement or
/// a file asks for.
/// </summary>
internal static class ClosedDatabase
{
    /// <summary>One that is not open yet.</summary>
    public static DuckDBConnection Create() => new("DataSource=:memory:");

    /// <summary>Opens it and closes it to everything else.</summary>
    /// <param name="db">The database.</param>
    /// <param name="memory">What it may take, as DuckDB writes it.</param>
    /// <param name="files">All that it may read and write.</param>
    /// <exception cref="DuckDBException">A setting is refused.</exception>
    public static void Open(DuckDBConnection db, string memory, IEnumerable<string> files)
    {
        db.Open();
        string[] settings =
        [
            $"SET memory_limit = '{memory}'",
            $"SET allowed_paths = [{string.Join(", ", files.Select(Table.Literal))}]",
            "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false; SET temp_directory = ''",
            "SET enable_external_access = false; SET lock_configuration = true",
        ];
        foreach (var setting in settings)
        {
            using var command = new DuckDBCommand(setting, db);
            command.ExecuteNonQuery();
        }
    }
}
