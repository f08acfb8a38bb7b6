using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// The rows of a batch that an attack still works on, with all that it keeps for each of them. A row that is finished
/// leaves, and everything kept shrinks with it, so that no pass is spent on it again.
/// </summary>
internal sealed class ActiveBatch : IDisposable
{
    private readonly List<Kept> _kept = [];
    private readonly Kept _places;
    private readonly Tensor _result,
        _finished;
    private readonly bool _isPart;

    /// <summary>All rows of a batch.</summary>
    /// <param name="inputs">[batch, input shape], clean.</param>
    /// <param name="labels">[batch], int64.</param>
    public ActiveBatch(Tensor inputs, Tensor labels)
    {
        (Clean, Labels) = (Keep(inputs.detach()), Keep(labels.detach()));
        _places = Keep(arange(Scalars.Get(labels.shape[0]), dtype: int64).On(inputs));
        _result = inputs.detach().clone().DetachFromDisposeScope();
        _finished = zeros(labels.shape[0], dtype: ScalarType.Bool).On(inputs).DetachFromDisposeScope();
    }

    private ActiveBatch(ActiveBatch whole, Tensor index)
    {
        (Clean, Labels) = (
            Keep(whole.Clean.Value.index_select(0, index)),
            Keep(whole.Labels.Value.index_select(0, index))
        );
        _places = Keep(whole._places.Value.index_select(0, index));
        (_result, _finished, _isPart) = (whole._result, whole._finished, true);
    }

    /// <summary>[rows, input shape].</summary>
    public Kept Clean { get; }

    /// <summary>[rows], int64.</summary>
    public Kept Labels { get; }

    /// <summary>Rows that still stand.</summary>
    public long Count => _places.Value.shape[0];

    /// <summary>[batch, input shape], what was found; clean where nothing was.</summary>
    public Tensor Result => _result;

    /// <summary>Whether it is all of a batch, and no part of another set.</summary>
    public bool IsWhole => !_isPart;

    /// <summary>Keeps a value per row, which shrinks with the rows, until it is disposed.</summary>
    /// <param name="value">[rows, ...].</param>
    public Kept Keep(Tensor value)
    {
        var kept = new Kept(this, value);
        _kept.Add(kept);
        return kept;
    }

    /// <summary>
    /// Judges inputs: those on which the classifier errs are the result of their rows, which leave when a success ends
    /// a row.
    /// </summary>
    /// <param name="context">Says whether it does.</param>
    /// <param name="logits">[rows, classes], of <paramref name="x"/>.</param>
    /// <param name="x">[rows, input shape].</param>
    public void Judge(AttackContext context, Tensor logits, Tensor x)
    {
        using var scope = NewDisposeScope();
        Found(AttackHarness.Errs(logits, Labels.Value), x, leave: context.StopAtSuccess);
    }

    /// <summary>Takes inputs as the result of their rows.</summary>
    /// <param name="which">[rows], bool.</param>
    /// <param name="x">[rows, input shape].</param>
    /// <param name="leave">Whether these rows are finished.</param>
    public void Found(Tensor which, Tensor x, bool leave)
    {
        using var scope = NewDisposeScope();
        var index = which.nonzero().flatten();
        if (index.shape[0] == 0)
            return;
        var places = _places.Value.index_select(0, index);
        _result.index_copy_(0, places, x.index_select(0, index));
        if (!leave)
            return;
        _finished.index_fill_(0, places, Scalars.Get(1));
        Refresh(); // copies of a row leave with it
    }

    /// <summary>Lets rows go without a result.</summary>
    /// <param name="which">[rows], bool.</param>
    public void GiveUp(Tensor which)
    {
        using var scope = NewDisposeScope();
        if (which.any().item<bool>())
            Shrink(which.logical_not());
    }

    /// <summary>
    /// The rows chosen, as a set of its own with the same result; <see cref="Refresh"/> this set when it is done.
    /// </summary>
    public ActiveBatch Where(Tensor which)
    {
        using var index = which.nonzero();
        using var flat = index.flatten();
        return new(this, flat);
    }

    /// <summary>
    /// Each row several times, one copy after the other, as a set of its own with the same result: a row is finished
    /// once a copy of it is. <see cref="Refresh"/> this set when it is done.
    /// </summary>
    public ActiveBatch Copies(int times)
    {
        using var index = arange(Scalars.Get(Count), dtype: int64).On(Clean.Value);
        using var repeated = index.repeat_interleave(times);
        return new(this, repeated);
    }

    /// <summary>Lets go of the rows that are finished, here or in a part of this set.</summary>
    public void Refresh()
    {
        using var scope = NewDisposeScope();
        var finished = _finished.index_select(0, _places.Value);
        if (finished.any().item<bool>())
            Shrink(finished.logical_not());
    }

    /// <summary>Writes which rows of the batch stand, and what was found for those that are finished.</summary>
    public void Write(BinaryWriter content)
    {
        using var scope = NewDisposeScope();
        var places = _places.Value.cpu();
        content.Write(places.shape[0]);
        content.Write(places.bytes);
        var finished = _finished.cpu();
        content.Write(finished.bytes);
        content.Write(_result.cpu().index_select(0, finished.nonzero().flatten()).contiguous().bytes);
    }

    /// <summary>Takes over what <see cref="Write"/> wrote of the same batch.</summary>
    public void Read(BinaryReader content)
    {
        using var scope = NewDisposeScope();
        var places = empty(content.ReadInt64(), dtype: int64, device: CPU);
        content.BaseStream.ReadExactly(places.bytes);
        var finished = empty(_finished.shape[0], dtype: ScalarType.Bool, device: CPU);
        content.BaseStream.ReadExactly(finished.bytes);
        var index = finished.nonzero().flatten();
        var found = empty([index.shape[0], .. _result.shape[1..]], dtype: _result.dtype, device: CPU);
        content.BaseStream.ReadExactly(found.bytes);
        _finished.copy_(finished);
        _result.index_copy_(0, index.On(_result), found.On(_result));
        var stays = zeros(_finished.shape[0], dtype: ScalarType.Bool, device: CPU);
        stays.index_fill_(0, places, Scalars.Get(1));
        Shrink(stays.On(_result));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var kept in _kept.ToArray())
            kept.Dispose();
        if (_isPart)
            return;
        _result.Dispose();
        _finished.Dispose();
    }

    /// <summary>Values per row, shaped so that they broadcast over an input: [rows, 1, ...].</summary>
    public static Tensor PerRow(Tensor values, Tensor like) =>
        values.reshape([values.shape[0], .. Enumerable.Repeat(1L, like.shape.Length - 1)]);

    private void Shrink(Tensor stays)
    {
        var index = stays.nonzero().flatten();
        foreach (var kept in _kept)
            kept.Value = kept.Value.index_select(0, index);
    }

    /// <summary>
    /// A value per row. Setting it frees the old one; the set owns it, whatever dispose scope it was made in.
    /// </summary>
    internal sealed class Kept : IDisposable
    {
        private readonly ActiveBatch _rows;
        private Tensor _value;

        internal Kept(ActiveBatch rows, Tensor value) =>
            (_rows, _value) = (rows, value.alias().DetachFromDisposeScope());

        /// <summary>[rows, ...].</summary>
        public Tensor Value
        {
            get => _value;
            set
            {
                if (ReferenceEquals(value, _value))
                    return;
                var old = _value;
                _value = value.alias().DetachFromDisposeScope();
                old.Dispose();
            }
        }

        /// <summary>Takes the values of the rows chosen.</summary>
        /// <param name="which">[rows], bool.</param>
        /// <param name="values">[rows, ...].</param>
        public void Set(Tensor which, Tensor values)
        {
            using var scope = NewDisposeScope();
            Value = where(PerRow(which, values), values, _value);
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            _rows._kept.Remove(this);
            _value.Dispose();
        }
    }
}
