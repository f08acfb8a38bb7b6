namespace PostTrainGate.Data;

/// <summary>
/// What reading data may cost at most, whatever a file says of itself. Files come from pull requests: a few kilobytes
/// may claim, or unpack to, any number of gigabytes.
/// </summary>
internal static class DataLimits
{
    /// <summary>Values of all inputs together, each of four bytes once it is read: 4 GiB.</summary>
    public const long Values = 1L << 30;

    /// <summary>Bytes of one array of an IDX or NPZ file: 2 GiB.</summary>
    public const long ArrayBytes = int.MaxValue;

    /// <summary>Axes of an array.</summary>
    public const int Axes = 8;

    /// <summary>Arrays of an NPZ file.</summary>
    public const int Arrays = 10_000;

    /// <summary>Bytes that the compressed files of a table may unpack to together: 4 GiB.</summary>
    public const long UnpackedBytes = 1L << 32;

    /// <summary>Rows of a table.</summary>
    public const long Rows = 200_000_000;

    /// <summary>Columns of a table.</summary>
    public const int Columns = 50_000;

    /// <summary>Memory that DuckDB may take to hold and read a table, as it writes it.</summary>
    public const string TableMemory = "4GiB";

    /// <summary>Characters of a group's condition.</summary>
    public const int ConditionLength = 2000;

    /// <summary>How deep the parts of a condition may lie in each other.</summary>
    public const int ConditionDepth = 100;
}
