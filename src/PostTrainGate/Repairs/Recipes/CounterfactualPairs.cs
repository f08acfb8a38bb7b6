using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>How values of synthetic rows are drawn, column by column.</summary>
public enum ValueDraw
{
    /// <summary>With the frequency they have in the data.</summary>
    Marginal,

    /// <summary>Each distinct value of the data equally often.</summary>
    Uniform,
}

/// <summary>Rows in pairs that differ in a group's columns only.</summary>
/// <param name="First">[n, width].</param>
/// <param name="Second">[n, width]; row i is the twin of row i of <paramref name="First"/>.</param>
public sealed record RowPairs(Tensor First, Tensor Second);

/// <summary>
/// Builds counterfactual rows for a group out of the columns it is defined by: their blocks take values from a random
/// row of another group. For a binary column that is flipping it; for a condition such as <c>age &gt;= 25</c> it is an
/// age from the other side.
/// </summary>
public sealed class CounterfactualPairs
{
    private readonly Tensor _rows;
    private readonly FeatureLayout _layout;
    private readonly FeatureColumn[] _protected;
    private readonly int[][] _members; // rows of each side
    private readonly int[] _sideOf; // per row its side, -1 where unknown

    private CounterfactualPairs(Tensor rows, FeatureLayout layout, FeatureColumn[] columns, int[] sideOf, int sides)
    {
        (_rows, _layout, _protected, _sideOf) = (rows, layout, columns, sideOf);
        _members =
        [
            .. Enumerable
                .Range(0, sides)
                .Select(side => Enumerable.Range(0, sideOf.Length).Where(i => sideOf[i] == side).ToArray()),
        ];
    }

    /// <summary>Pairs for a group of a set of rows.</summary>
    /// <param name="data">The rows; not owned.</param>
    /// <param name="group">
    /// The group; with a privileged level its sides are privileged and everything else, otherwise its levels.
    /// </param>
    /// <param name="whyNot">Why there can be none.</param>
    public static CounterfactualPairs? For(EvaluationSet data, GroupColumn group, out string? whyNot)
    {
        if (data.Layout is not { } layout)
        {
            whyNot = "the inputs have no named columns";
            return null;
        }

        FeatureColumn[] columns = [.. group.SourceColumns.Select(layout.Find).OfType<FeatureColumn>()];
        if (columns.Length == 0)
        {
            whyNot = $"the model reads no column of group '{group.Name}'";
            return null;
        }

        int[] sideOf =
        [
            .. group.LevelOf.Select(level =>
                level < 0 || group.Privileged is not { } p ? level
                : level == p ? 1
                : 0
            ),
        ];
        var sides = group.Privileged is null ? group.Levels.Length : 2;
        var pairs = new CounterfactualPairs(data.Inputs, layout, columns, sideOf, sides);
        whyNot =
            pairs._members.Count(m => m.Length > 0) < 2
                ? $"all rows of the repair split are on one side of group '{group.Name}'"
                : null;
        return whyNot is null ? pairs : null;
    }

    /// <summary>Each real row of a known side, and its twin on another side.</summary>
    public RowPairs Twins(Generator random)
    {
        using var scope = NewDisposeScope();
        int[] known = [.. Enumerable.Range(0, _sideOf.Length).Where(i => _sideOf[i] >= 0)];
        var other = Draws(random, known.Length);
        var donors = new long[known.Length];
        for (var i = 0; i < known.Length; i++)
        {
            var side = OtherSide(_sideOf[known[i]], other[i].Side);
            donors[i] = Pick(_members[side], other[i].Member);
        }

        var first = _rows.index_select(0, tensor(known.Select(i => (long)i).ToArray()));
        var second = first.clone();
        Write(second, _protected, donors);
        return new(first.MoveToOuterDisposeScope(), second.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// FMT's mutants: every column of a pair is drawn by itself, once for both members; then the first takes the
    /// group's columns of a row of one side, the second those of another (the unprivileged side comes first).
    /// </summary>
    /// <param name="count">Number of pairs.</param>
    /// <param name="draw">How values are drawn.</param>
    /// <param name="random">The only source of randomness.</param>
    public RowPairs Mutants(int count, ValueDraw draw, Generator random)
    {
        using var scope = NewDisposeScope();
        var first = zeros(count, _rows.shape[1], dtype: _rows.dtype);
        foreach (var column in _layout.Columns.Except(_protected))
        {
            using var step = NewDisposeScope();
            var pool = _rows.narrow(1, column.Start, column.Width);
            if (draw == ValueDraw.Uniform)
                pool = Distinct(pool);
            var index = randint(pool.shape[0], [count], dtype: ScalarType.Int64, generator: random);
            first.narrow(1, column.Start, column.Width).copy_(pool.index_select(0, index));
        }

        var second = first.clone();
        var (a, b) = (Draws(random, count), Draws(random, count));
        var (firsts, seconds) = (new long[count], new long[count]);
        for (var i = 0; i < count; i++)
        {
            var side = _members.Length == 2 ? 0 : NonEmptySide(a[i].Side);
            firsts[i] = Pick(_members[side], a[i].Member);
            seconds[i] = Pick(_members[OtherSide(side, b[i].Side)], b[i].Member);
        }

        Write(first, _protected, firsts);
        Write(second, _protected, seconds);
        return new(first.MoveToOuterDisposeScope(), second.MoveToOuterDisposeScope());
    }

    private void Write(Tensor rows, FeatureColumn[] columns, long[] donors)
    {
        using var index = tensor(donors);
        foreach (var column in columns)
        {
            using var step = NewDisposeScope();
            rows.narrow(1, column.Start, column.Width)
                .copy_(_rows.narrow(1, column.Start, column.Width).index_select(0, index));
        }
    }

    private static Tensor Distinct(Tensor block)
    {
        var (count, width) = ((int)block.shape[0], (int)block.shape[1]);
        var values = block.contiguous().data<float>().ToArray();
        var rows = Enumerable
            .Range(0, count)
            .DistinctBy(i => string.Join(';', values.AsSpan(i * width, width).ToArray()));
        return block.index_select(0, tensor(rows.Select(i => (long)i).ToArray()));
    }

    private static (double Side, double Member)[] Draws(Generator random, int count)
    {
        using var values = rand(2 * count, dtype: ScalarType.Float64, generator: random);
        var data = values.data<double>().ToArray();
        return [.. Enumerable.Range(0, count).Select(i => (data[2 * i], data[2 * i + 1]))];
    }

    private static int Pick(int[] members, double u) => members[(int)(u * members.Length)];

    private int NonEmptySide(double u)
    {
        int[] sides = [.. Enumerable.Range(0, _members.Length).Where(s => _members[s].Length > 0)];
        return sides[(int)(u * sides.Length)];
    }

    private int OtherSide(int side, double u)
    {
        int[] others = [.. Enumerable.Range(0, _members.Length).Where(s => s != side && _members[s].Length > 0)];
        return others[(int)(u * others.Length)];
    }
}
