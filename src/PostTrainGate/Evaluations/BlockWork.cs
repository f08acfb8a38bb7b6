namespace PostTrainGate.Evaluations;

/// <summary>
/// Costly work on rows, cut into blocks that do not depend on each other: attacks, bounds, noise, corruptions. What is
/// found on a block is the same wherever it is found, so machines may share the blocks.
/// </summary>
internal abstract class BlockWork
{
    /// <summary>All blocks are worked on here.</summary>
    public static BlockWork Here { get; } = new All();

    /// <summary>Whether blocks are left to others, so that nothing can be measured here.</summary>
    public virtual bool IsPartial => false;

    /// <summary>What was found on a block; null where it is left to others.</summary>
    /// <param name="name">Of the block, the same on every machine.</param>
    /// <param name="values">How many values there are.</param>
    /// <param name="find">Does the work.</param>
    public abstract BlockOutcome? Find(string name, int values, Func<BlockOutcome> find);

    /// <summary>The same work, with names that begin with a place of their own.</summary>
    public BlockWork In(string place) => ReferenceEquals(this, Here) ? this : new Placed(this, place);

    private sealed class All : BlockWork
    {
        public override BlockOutcome? Find(string name, int values, Func<BlockOutcome> find) => find();
    }

    private sealed class Placed(BlockWork work, string place) : BlockWork
    {
        public override bool IsPartial => work.IsPartial;

        public override BlockOutcome? Find(string name, int values, Func<BlockOutcome> find) =>
            work.Find($"{place} {name}", values, find);
    }
}

/// <summary>What work on a block of rows found.</summary>
/// <param name="Values">What was asked of each row, row after row.</param>
/// <param name="Fragile">The rows of the block that the smallest perturbations break.</param>
internal sealed record BlockOutcome(double[] Values, BrokenRow[] Fragile)
{
    /// <summary>Of a question that each row answers by yes or no.</summary>
    public BlockOutcome(IEnumerable<bool> answers, BrokenRow[]? fragile = null)
        : this([.. answers.Select(a => a ? 1.0 : 0)], fragile ?? []) { }

    /// <summary>How many rows that withstand the attack an example breaks that was kept earlier.</summary>
    public int BrokenByKept { get; init; }

    /// <summary>The answers of the rows.</summary>
    public bool[] Answers => [.. Values.Select(v => v != 0)];

    /// <summary>As bytes, which <see cref="Read"/> takes back without a loss.</summary>
    public byte[] Write()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Values.Length);
        foreach (var value in Values)
            writer.Write(value);
        writer.Write(BrokenByKept);
        writer.Write(Fragile.Length);
        foreach (var row in Fragile)
        {
            writer.Write(row.Row);
            writer.Write(row.Columns);
            writer.Write(row.Size);
            writer.Write(row.Example.Length);
            foreach (var value in row.Example)
                writer.Write(value);
        }

        return bytes.ToArray();
    }

    /// <summary>What <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It did not write this.</exception>
    public static BlockOutcome Read(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        try
        {
            var values = new double[Length(sizeof(double))];
            for (var i = 0; i < values.Length; i++)
                values[i] = reader.ReadDouble();
            var brokenByKept = reader.ReadInt32();
            var rows = new BrokenRow[Length(sizeof(int))];
            for (var i = 0; i < rows.Length; i++)
            {
                rows[i] = new(reader.ReadInt32(), reader.ReadInt32(), reader.ReadDouble(), new float[Length(4)]);
                for (var k = 0; k < rows[i].Example.Length; k++)
                    rows[i].Example[k] = reader.ReadSingle();
            }

            return reader.BaseStream.Position == bytes.Length
                ? new(values, rows) { BrokenByKept = brokenByKept }
                : throw new InvalidDataException("It goes on after its end.");
        }
        catch (EndOfStreamException cut)
        {
            throw new InvalidDataException("It ends too early.", cut);
        }

        // Never more than there are bytes for.
        int Length(int size) =>
            reader.ReadInt32() is >= 0 and var count && count <= bytes.Length / size
                ? count
                : throw new InvalidDataException("It has a length that cannot be.");
    }
}

/// <summary>A row that an attack broke, and how.</summary>
/// <param name="Row">Its place among the rows that are measured.</param>
/// <param name="Columns">
/// How many columns change, of an attack that keeps the form of a table, where that counts more than the size.
/// </param>
/// <param name="Size">Size of the perturbation.</param>
/// <param name="Example">The perturbed input.</param>
internal sealed record BrokenRow(int Row, int Columns, double Size, float[] Example);
