using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Search over rows that a table could hold, by logits alone, so that it works on trees. In each pass every column is
/// tried by itself: a number at both ends of its room and at two random values between, a column of categories at its
/// other ones; then what helped is put together, the best first, as long as it still helps.
/// </summary>
/// <remarks>
/// A greedy coordinate search as of graph-based attacks on tables (Kireev et al. 2023), with passes instead of a queue
/// so that rows go through the model in batches. Numbers that neither help nor harm are kept too, which leads over the
/// plateaus of trees; where nothing helps any more a row starts again elsewhere.
/// </remarks>
public sealed class TableSearch : RowAttack
{
    private const int DefaultPasses = 20;
    private const int Patience = 2; // passes without a gain after which a row starts again elsewhere
    private const int MostOptions = 32; // of a column in one pass; the next one draws others
    private const int Inner = 2; // random values of a number

    private TableSearch()
        : base(
            "table_search",
            "Greedy search over valid table rows that uses only logits, "
                + "so it also works on trees (after Kireev et al. 2023). "
                + "It makes 20 passes, column by column, and combines the changes that help.",
            needsGradients: false
        ) { }

    /// <summary>The attack.</summary>
    public static TableSearch Instance { get; } = new();

    /// <inheritdoc/>
    public override string Title => "table search";

    /// <inheritdoc/>
    public override bool KeepsForm => true;

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        using var search = new Search(context, rows);
        var passes = context.Settings.Steps ?? DefaultPasses;
        for (var pass = 0; pass < passes && rows.Count > 0; pass++)
            search.Pass();
        search.Finish();
    }

    // Where each row stands. Columns are numbers first, then those of categories, in the order of the form.
    private sealed class Search : IDisposable
    {
        private readonly AttackContext _context;
        private readonly ActiveBatch _rows;
        private readonly TabularConstraints _form;
        private readonly Budget _ball;
        private readonly int _columns,
            _numbers;
        private readonly ActiveBatch.Kept _value,
            _chosen,
            _gain,
            _margin,
            _best,
            _most,
            _stale; // see the constructor

        public Search(AttackContext context, ActiveBatch rows)
        {
            (_context, _rows, _form, _ball) = (context, rows, context.Budget.Form!, context.Budget.Ball);
            _numbers = _form.Numbers.Count;
            _columns = _numbers + (_form.Changes > 0 ? _form.Choices.Count : 0);
            var clean = rows.Clean.Value;
            _value = rows.Keep(clean); // [rows, width], of which numbers count, as if any number were legal
            _chosen = rows.Keep(zeros(rows.Count, _form.Options).On(clean)); // [rows, options], 1 at what is taken
            // [rows, columns of categories], what a change brought.
            _gain = rows.Keep(zeros(rows.Count, Math.Max(1, _form.Choices.Count)).On(clean));
            _margin = rows.Keep(full(rows.Count, Scalars.Get(float.MinValue)).On(clean)); // [rows], there
            _best = rows.Keep(clean); // [rows, width], legal, the largest margin so far
            _most = rows.Keep(_margin.Value); // [rows], that margin
            _stale = rows.Keep(zeros(rows.Count).On(clean)); // [rows], passes without a gain
            if (context.RandomStart ?? context.Settings.RandomStart ?? false)
                Restart(ones(rows.Count, dtype: ScalarType.Bool).On(clean));
            else
                Start(ones(rows.Count, dtype: ScalarType.Bool).On(clean), clean);
        }

        /// <summary>Tries every column, and puts together what helps.</summary>
        public void Pass()
        {
            using var scope = NewDisposeScope();
            Restart(_stale.Value.ge(Scalars.Get(Patience)));
            if (_rows.Count == 0)
                return;
            using var before = _rows.Keep(_margin.Value);
            using var promise = _rows.Keep(
                full([_rows.Count, Math.Max(1, _columns)], Scalars.Get(double.NegativeInfinity)).On(before.Value)
            );
            using var target = _rows.Keep(zeros(_rows.Count, Math.Max(1, _columns)).On(before.Value));
            for (var column = 0; column < _columns && _rows.Count > 0; column++)
                Try(column, promise, target);
            if (_rows.Count == 0)
                return;
            using var order = _rows.Keep(promise.Value.argsort(1, descending: true));
            for (var rank = 0; rank < _columns && _rows.Count > 0; rank++)
            {
                using var step = NewDisposeScope();
                var column = order.Value.narrow(1, rank, 1);
                if (promise.Value.gather(1, column).ge(_margin.Value.unsqueeze(1)).any().item<bool>() == false)
                    break;
                Take(column.squeeze(1), target.Value.gather(1, column).squeeze(1));
            }

            if (_rows.Count == 0)
                return;
            _stale.Value = where(_margin.Value.gt(before.Value), zeros_like(_stale.Value), _stale.Value.Plus(1));
        }

        /// <summary>What was found last is the result of rows that are left; the harness judges it.</summary>
        public void Finish()
        {
            if (_rows.Count > 0)
                _rows.Found(ones(_rows.Count, dtype: ScalarType.Bool).On(_best.Value), _best.Value, leave: true);
        }

        public void Dispose()
        {
            foreach (var kept in new[] { _value, _chosen, _gain, _margin, _best, _most, _stale })
                kept.Dispose();
        }

        // Where nothing helps any more, somewhere else.
        private void Restart(Tensor which)
        {
            using var scope = NewDisposeScope();
            if (which.any().item<bool>())
                Start(which, _context.Budget.RandomPoint(_rows.Clean.Value, _context.Random));
        }

        private void Start(Tensor which, Tensor x)
        {
            using var scope = NewDisposeScope();
            var logits = InputGradient.Logits(_context.Model, x);
            _value.Set(which, x);
            _chosen.Set(which, _form.Chosen(_rows.Clean.Value, x));
            _gain.Set(which, zeros_like(_gain.Value));
            _stale.Set(which, zeros_like(_stale.Value));
            Arrive(which, logits, x);
        }

        // Rows that go to where their margin is known.
        private void Arrive(Tensor which, Tensor logits, Tensor x)
        {
            using var scope = NewDisposeScope();
            var margin = Margin(logits, _rows.Labels.Value);
            var better = which.logical_and(margin.gt(_most.Value));
            _margin.Set(which, margin);
            _best.Set(better, x);
            _most.Set(better, margin);
            if (_context.StopAtSuccess)
                _rows.Judge(_context, logits, x);
        }

        // One column at all its values: how large the margin gets, and at which.
        private void Try(int column, ActiveBatch.Kept promise, ActiveBatch.Kept target)
        {
            _context.Cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var targets = column < _numbers ? Values(_form.Numbers[column]) : OptionsOf(column - _numbers);
            var many = targets.shape[1];
            var place = full([_rows.Count], Scalars.Whole(column), dtype: int64).On(targets);
            var tries = Enumerable.Range(0, (int)many).Select(t => Moved(place, targets.select(1, t)).X).ToArray();
            var logits = tries.Select(x => InputGradient.Logits(_context.Model, x)).ToArray();
            var margins = stack(logits.Select(z => Margin(z, _rows.Labels.Value)), 1); // [rows, values]
            var (most, at) = margins.max(1);
            promise.Value = promise.Value.index_copy(1, tensor([(long)column]).On(most), most.unsqueeze(1));
            target.Value = target.Value.index_copy(
                1,
                tensor([(long)column]).On(most),
                targets.gather(1, at.unsqueeze(1))
            );
            if (_context.StopAtSuccess)
                _rows.Judge(_context, Best(logits), Best(tries));

            Tensor Best(Tensor[] of) =>
                stack(of, 1).gather(1, at.reshape(-1, 1, 1).expand(-1, 1, of[0].shape[1])).squeeze(1);
        }

        // Moves one column of each row, where that does not lower the margin.
        private void Take(Tensor column, Tensor target)
        {
            _context.Cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (x, value, chosen) = Moved(column, target);
            var logits = InputGradient.Logits(_context.Model, x);
            var margin = Margin(logits, _rows.Labels.Value);
            // Categories are few: a change of one has to bring something.
            var isNumber = column.lt(Scalars.Whole(_numbers));
            var better = margin.gt(_margin.Value).logical_or(margin.ge(_margin.Value).logical_and(isNumber));
            if (_form.Changes > 0)
            {
                var place = (column - Scalars.Whole(_numbers)).clamp_min(Scalars.Whole(0)).unsqueeze(1);
                var gain = where(
                    isNumber.unsqueeze(1),
                    _gain.Value.gather(1, place),
                    (margin - _margin.Value).unsqueeze(1)
                );
                _gain.Set(better, _gain.Value.scatter(1, place, gain));
            }

            _value.Set(better, value);
            _chosen.Set(better, chosen);
            Arrive(better, logits, x);
        }

        // Rows with one column each at another value: the legal row, its numbers before they are made legal, and what
        // it takes of options.
        private (Tensor X, Tensor Value, Tensor Chosen) Moved(Tensor column, Tensor target)
        {
            var (value, chosen) = (_value.Value, _chosen.Value);
            var isNumber = column.lt(Scalars.Whole(_numbers)).unsqueeze(1);
            if (_numbers > 0)
            {
                var places = tensor(_form.Numbers.Select(i => (long)i).ToArray()).On(column);
                var place = places.index_select(0, column.clamp_max(Scalars.Whole(_numbers - 1))).unsqueeze(1);
                value = _ball.Project(
                    _rows.Clean.Value,
                    where(isNumber, value.scatter(1, place, target.unsqueeze(1)), value)
                );
            }

            if (_form.Changes > 0)
            {
                var option = target.masked_fill(isNumber.squeeze(1), Scalars.Get(0)).to(int64);
                chosen = where(isNumber, chosen, _form.Swap(_rows.Clean.Value, chosen, option, _gain.Value));
            }

            var numbers = _form.MoveNumbers(_ball, _rows.Clean.Value, value);
            return (_form.Join(numbers, _form.Take(_rows.Clean.Value, chosen)), value, chosen);
        }

        // A number at the ends of its room and within: [rows, values].
        private Tensor Values(int input)
        {
            var (least, most) = _form.Room(_ball, _rows.Clean.Value, input);
            var within = rand([_rows.Count, Inner], generator: _context.Random).On(least);
            return cat([least, most, least.Plus(within * (most - least))], 1);
        }

        // Other options of a column of categories: [rows, options], as numbers.
        private Tensor OptionsOf(int choice)
        {
            var (first, count) = _form.Choices[choice];
            var options =
                count <= MostOptions
                    ? arange(Scalars.Whole(count), dtype: int64)
                    : randperm(count, generator: _context.Random).narrow(0, 0, MostOptions);
            return options.On(_best.Value).Plus(first).to(float32).unsqueeze(0).expand(_rows.Count, -1);
        }

        private static Tensor Margin(Tensor logits, Tensor labels) =>
            Losses.Margin(logits, labels).nan_to_num(float.MaxValue);
    }
}
