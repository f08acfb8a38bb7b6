using PostTrainGate.Data;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// The rows that a table could hold, in the model's encoding, and which of them a row may become: numbers stay in their
/// column's seen range, whole numbers stay whole, a column of two values takes the other one, a one-hot block goes as a
/// whole from one category to another, immutable columns stay. Norm and epsilon bound how far numbers move; how many
/// columns of categories or two values change is a bound of its own.
/// </summary>
/// <remarks>
/// The feasible set of constrained attacks on tables (Simonetto et al. 2024; Kireev et al. 2023). A clean row may lie
/// outside it: a number beyond the seen range, a category that was never seen. It is legal as it is.
/// </remarks>
public sealed class TabularConstraints : IDisposable
{
    // Whole numbers are so exact in the model's encoding, in units of one: a step that is that near is reached.
    private const double Slack = 1e-4;

    private readonly Tensor _isNumber,
        _isWhole; // [width], bool
    private readonly Tensor _lower,
        _upper; // [width], float32
    private readonly Tensor _offset,
        _divisor; // [width], float64

    // Options are the values that columns of categories and of two values may take, column after column.
    private readonly (int First, int Count)[] _choices;
    private readonly Tensor _position,
        _value,
        _choice; // [options]: the input that is set, to what, and its column
    private readonly Tensor _choiceOf; // [width], the column that an input belongs to; numbers to one behind the last
    private readonly int _changes;

    /// <summary>The form of rows.</summary>
    /// <param name="layout">Their columns.</param>
    /// <param name="categories">How many columns of categories or of two values may change.</param>
    /// <param name="input">Bounds, which count where the policy gives them.</param>
    /// <param name="device">Where the rows are; null: in the memory of the host.</param>
    internal TabularConstraints(FeatureLayout layout, int categories, InputPolicy input, ComputeDevice? device = null)
    {
        var width = layout.Width;
        var (isNumber, isWhole, divisor) = (new bool[width], new bool[width], Enumerable.Repeat(1.0, width).ToArray());
        var (lower, upper, offset) = (new float[width], new float[width], new double[width]);
        var choiceOf = new long[width];
        List<(long Position, float Value, long Choice)> options = [];
        List<(int First, int Count)> choices = [];
        List<int> numbers = [];
        Array.Fill(choiceOf, -1);
        foreach (var column in layout.Columns.Where(c => !c.Immutable))
        {
            var at = column.Start;
            float Bounded(double number) =>
                input.BoundsGiven
                    ? Math.Clamp(column.Encode(number), (float)input.Lower, (float)input.Upper)
                    : column.Encode(number);
            if (column.Categories.IsEmpty && column.Numbers != ColumnNumbers.Two)
            {
                (isNumber[at], isWhole[at]) = (true, column.Numbers == ColumnNumbers.Whole);
                (offset[at], divisor[at]) = (column.Offset, column.Divisor);
                (lower[at], upper[at]) = (Bounded(column.Lowest), Bounded(column.Highest));
                numbers.Add(at);
                continue;
            }

            var (first, choice) = (options.Count, (long)choices.Count);
            double[] two = [column.Lowest, column.Highest];
            options.AddRange(
                column.Categories.IsEmpty
                    ? two.Select(number => ((long)at, column.Encode(number), choice))
                    : Enumerable.Range(at, column.Width).Select(i => ((long)i, 1f, choice))
            );
            Array.Fill(choiceOf, choices.Count, at, column.Width);
            choices.Add((first, options.Count - first));
        }

        for (var i = 0; i < width; i++)
            choiceOf[i] = choiceOf[i] < 0 ? choices.Count : choiceOf[i];
        Numbers = [.. numbers];
        Reach = numbers.Select(i => (double)upper[i] - lower[i]).DefaultIfEmpty(0).Max();
        (_choices, _changes) = ([.. choices], Math.Min(categories, choices.Count));
        using var scope = NewDisposeScope();
        (_isNumber, _isWhole) = (Kept(tensor(isNumber)), Kept(tensor(isWhole)));
        (_lower, _upper) = (Kept(tensor(lower)), Kept(tensor(upper)));
        (_offset, _divisor) = (Kept(tensor(offset)), Kept(tensor(divisor)));
        _position = Kept(tensor(options.Select(o => o.Position).ToArray(), dtype: int64));
        _value = Kept(tensor(options.Select(o => o.Value).ToArray(), dtype: float32));
        _choice = Kept(tensor(options.Select(o => o.Choice).ToArray(), dtype: int64));
        _choiceOf = Kept(tensor(choiceOf));

        Tensor Kept(Tensor value) => (device ?? ComputeDevice.Cpu).Take(value).DetachFromDisposeScope();
    }

    /// <summary>Inputs that are numbers and may move.</summary>
    internal IReadOnlyList<int> Numbers { get; }

    /// <summary>Columns that take one of several values: the first of its options, and their number.</summary>
    internal IReadOnlyList<(int First, int Count)> Choices => _choices;

    /// <summary>Number of options of all these columns.</summary>
    internal int Options => (int)_position.shape[0];

    /// <summary>How many of these columns may change.</summary>
    internal int Changes => _changes;

    /// <summary>Widest seen range of a number, in the model's encoding.</summary>
    internal double Reach { get; }

    /// <summary>What a change of numbers is: [batch, width], 0 at every other input.</summary>
    internal Tensor OfNumbers(Tensor change) => change.masked_fill(_isNumber.logical_not(), Scalars.Get(0));

    /// <summary>
    /// The nearest row that is legal, column by column; of too many changed columns of categories those stay that
    /// changed most.
    /// </summary>
    /// <param name="ball">Norm and epsilon.</param>
    /// <param name="clean">[batch, width].</param>
    /// <param name="perturbed">[batch, width]; a value that is not a number becomes the clean one.</param>
    /// <returns>[batch, width].</returns>
    internal Tensor Project(Budget ball, Tensor clean, Tensor perturbed)
    {
        using var scope = NewDisposeScope();
        var x = clean.Plus((perturbed - clean).nan_to_num(0));
        // |x - clean|^2 - |x - option|^2 over the column's inputs: how much nearer the option is.
        var nearer = Gains(x * Scalars.Get(2), clean).Plus(Sums(clean * clean)) - _value * _value;
        return Join(MoveNumbers(ball, clean, x), Choose(clean, nearer)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// A step of numbers along a gradient, and the changes of category that it promises most of: [batch, width].
    /// </summary>
    internal Tensor Step(Budget ball, Tensor clean, Tensor x, Tensor gradient, double size)
    {
        using var scope = NewDisposeScope();
        var numbers = MoveNumbers(ball, clean, x.add(ball.Direction(OfNumbers(gradient)), Scalars.Get(size)));
        return Join(numbers, Choose(clean, Gains(gradient, clean))).MoveToOuterDisposeScope();
    }

    /// <summary>Rows with their numbers as given and their categories as given: [batch, width].</summary>
    internal Tensor Join(Tensor numbers, Tensor categories) => where(_isNumber, numbers, categories);

    /// <summary>
    /// Numbers within the ball, the seen range and the whole numbers; every other input as it was: [batch, width].
    /// </summary>
    internal Tensor MoveNumbers(Budget ball, Tensor clean, Tensor x)
    {
        using var scope = NewDisposeScope();
        var inBall = ball.Project(clean, clean.Plus(OfNumbers(x - clean)));
        var moved = where(_isNumber, maximum(minimum(inBall, maximum(clean, _upper)), minimum(clean, _lower)), clean);
        // Toward the clean number, so that neither the ball nor the range is left.
        var (from, to) = (Raw(clean), Raw(moved));
        var whole = where(to.gt(from), to.Plus(Slack).floor(), to.Plus(-Slack).ceil());
        var stays = whole.eq(from.round()).logical_or((whole - from).mul(to - from).le(Scalars.Get(0)));
        var encoded = ((whole - _offset) / _divisor).to(float32);
        return where(_isWhole, where(stays, clean, encoded), moved).MoveToOuterDisposeScope();

        Tensor Raw(Tensor inputs) => inputs.to(float64) * _divisor + _offset;
    }

    /// <summary>Smallest and largest value that a number may take: [batch, 1] each.</summary>
    internal (Tensor Least, Tensor Most) Room(Budget ball, Tensor clean, int input)
    {
        using var scope = NewDisposeScope();
        var value = clean.narrow(1, input, 1);
        var least = maximum(minimum(value, _lower.narrow(0, input, 1)), value.Plus(-ball.Epsilon));
        var most = minimum(maximum(value, _upper.narrow(0, input, 1)), value.Plus(ball.Epsilon));
        return (least.MoveToOuterDisposeScope(), most.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// How much a linear function rises when a column takes an option instead of its clean value: [batch, options].
    /// </summary>
    /// <param name="slope">[batch, width].</param>
    /// <param name="clean">[batch, width].</param>
    internal Tensor Gains(Tensor slope, Tensor clean)
    {
        using var scope = NewDisposeScope();
        return (slope.index_select(1, _position) * _value - Sums(slope * clean)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Rows that take, of each of the columns with the largest gains, the best option; as many columns as may change,
    /// and only where there is a gain: [batch, width].
    /// </summary>
    /// <param name="clean">[batch, width].</param>
    /// <param name="gains">[batch, options].</param>
    internal Tensor Choose(Tensor clean, Tensor gains)
    {
        if (_changes == 0)
            return clean.alias();
        using var scope = NewDisposeScope();
        var best = _choices.Select(c => gains.narrow(1, c.First, c.Count).max(1)).ToArray();
        var gain = stack(best.Select(b => b.values), 1); // [batch, columns]
        var option = stack(best.Select((b, i) => b.indexes.add(Scalars.Whole(_choices[i].First))), 1);
        var (most, columns) = gain.topk(_changes, 1);
        var chosen = zeros_like(gains).scatter(1, option.gather(1, columns), most.gt(Scalars.Get(0)).to(float32));
        return Take(clean, chosen).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// One more option for each row; of too many changed columns the one with the least weight goes back: [batch,
    /// options].
    /// </summary>
    /// <param name="clean">[batch, width].</param>
    /// <param name="chosen">[batch, options], as for <see cref="Take"/>.</param>
    /// <param name="option">[batch], int64; a clean one puts its column back.</param>
    /// <param name="weight">[batch, columns].</param>
    internal Tensor Swap(Tensor clean, Tensor chosen, Tensor option, Tensor weight)
    {
        using var scope = NewDisposeScope();
        var (at, asClean) = (option.unsqueeze(1), Taken(clean));
        var others = chosen.masked_fill(
            _choice.unsqueeze(0).eq(_choice.index_select(0, option).unsqueeze(1)),
            Scalars.Get(0)
        );
        var isChanged = PerColumn(others).gt(Scalars.Get(0));
        var isFull = isChanged
            .sum(1)
            .ge(Scalars.Whole(_changes))
            .unsqueeze(1)
            .logical_and(asClean.gather(1, at).logical_not());
        var weakest = weight
            .masked_fill(isChanged.logical_not(), Scalars.Get(double.PositiveInfinity))
            .argmin(1, keepdim: true);
        var kept = others.masked_fill(isFull.logical_and(_choice.unsqueeze(0).eq(weakest)), Scalars.Get(0));
        return kept.scatter(1, at, ones_like(at, dtype: float32))
            .masked_fill(asClean, Scalars.Get(0))
            .MoveToOuterDisposeScope();
    }

    /// <summary>Values of options, summed by their column: [batch, columns].</summary>
    internal Tensor PerColumn(Tensor values) =>
        zeros(values.shape[0], _choices.Length).On(values).index_add(1, _choice, values, Scalars.Get(1));

    /// <summary>Rows that take the options chosen: [batch, width].</summary>
    /// <param name="clean">[batch, width].</param>
    /// <param name="chosen">[batch, options], 1 at what is taken, at most once a column, else 0.</param>
    internal Tensor Take(Tensor clean, Tensor chosen)
    {
        using var scope = NewDisposeScope();
        var perColumn = cat([PerColumn(chosen), zeros(chosen.shape[0], 1).On(chosen)], 1);
        var rest = clean.masked_fill(perColumn.index_select(1, _choiceOf).gt(Scalars.Get(0)), Scalars.Get(0));
        return rest.index_add(1, _position, chosen * _value, Scalars.Get(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Which options rows have: [batch, options], bool.</summary>
    internal Tensor Taken(Tensor rows)
    {
        using var scope = NewDisposeScope();
        return rows.index_select(1, _position).eq(_value).MoveToOuterDisposeScope();
    }

    /// <summary>Which options rows have that their clean ones have not: [batch, options], 1 or 0.</summary>
    internal Tensor Chosen(Tensor clean, Tensor rows)
    {
        using var scope = NewDisposeScope();
        return Taken(rows).logical_and(Taken(clean).logical_not()).to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>A point with numbers drawn from the ball, and categories drawn: [batch, width].</summary>
    internal Tensor RandomPoint(Budget ball, Tensor clean, Generator random)
    {
        using var scope = NewDisposeScope();
        var numbers = MoveNumbers(ball, clean, ball.RandomPoint(clean, random));
        var gains = rand([clean.shape[0], Options], generator: random).On(clean).sub(Scalars.Get(0.5));
        return Join(numbers, Choose(clean, gains)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tensor[] all = [_isNumber, _isWhole, _lower, _upper, _offset, _divisor, _position, _value, _choice, _choiceOf];
        foreach (var tensor in all)
            tensor.Dispose();
    }

    // Of an option, the sum over all inputs of its column: [batch, options].
    private Tensor Sums(Tensor values) =>
        zeros(values.shape[0], _choices.Length + 1)
            .On(values)
            .index_add(1, _choiceOf, values, Scalars.Get(1))
            .index_select(1, _choice);
}
